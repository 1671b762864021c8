"""Counting what is under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class HeldCalls:
    """How many calls of agents are held open by this process. Only its event loop counts."""

    count: int = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one, for as long as it is held."""
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
