"""Sets of agent queues as JSON: ``null`` is the default queue."""

from __future__ import annotations

from collections.abc import Iterable


def queues_to_json(queues: Iterable[str | None]) -> list[str | None]:
    """A stable list: names in order, the default queue last."""
    named = set(queues)
    listed: list[str | None] = [*sorted(queue for queue in named if queue is not None)]
    return [*listed, None] if None in named else listed


def queues_from_json(queues: Iterable[str | None]) -> frozenset[str | None]:
    """The set again."""
    return frozenset(queues)
