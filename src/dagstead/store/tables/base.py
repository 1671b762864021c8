"""What all tables share."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

#: SQLite counts up a primary key by itself only if its type is plain INTEGER.
ID = BigInteger().with_variant(Integer, "sqlite")


def queues_to_json(queues: Iterable[str | None]) -> list[str | None]:
    """A set of agent queues as a column has it: names in order, ``null`` for the default queue."""
    named = set(queues)
    listed: list[str | None] = [*sorted(queue for queue in named if queue is not None)]
    return [*listed, None] if None in named else listed


def queues_from_json(queues: Iterable[str | None]) -> frozenset[str | None]:
    """The set of agent queues that a column has."""
    return frozenset(queues)


def queue_to_key(queue: str | None) -> str:
    """The name of a queue as a primary key has it, where nothing can be ``NULL``."""
    return "" if queue is None else f":{queue}"


def queue_from_key(key: str) -> str | None:
    """The name of the queue with that key."""
    return key[1:] if key else None
