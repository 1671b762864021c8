"""How long things are kept that nothing needs any more."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

DAY_SECONDS = 24 * 3600.0

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What is removed has to be older than ``days``, and beyond the newest of its kind."""

    #: Days since something was last needed; at least one.
    days: int = 30
    #: The newest releases of a deployment, which a rollback can return to.
    releases: int = 50
    #: The newest runs of a deployment, whose outputs are kept.
    runs: int = 100

    @property
    def seconds(self) -> float:
        """The age that what is removed must have. Uploads of today wait for their deploy."""
        return max(1, self.days) * DAY_SECONDS


def newest(items: Iterable[T], count: int, moment: Callable[[T], Any]) -> frozenset[T]:
    """The ``count`` newest of some items."""
    return frozenset(sorted(items, key=moment, reverse=True)[:count])
