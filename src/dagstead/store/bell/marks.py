"""Topics as they are sent to other processes: marks of one length, many in a message."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

#: Stands for the marks of all topics.
EVERYTHING = "*"

#: Two topics with the same mark would only wake a waiter without need.
_MARK_BYTES = 8
#: A mark has 16 characters. Postgres takes 7,999 bytes in a notification, a socket more.
_MARKS_PER_MESSAGE = 400


def mark_of(topic: str) -> str:
    """The mark of a topic, however long the topic is."""
    return hashlib.blake2b(
        topic.encode(errors="surrogatepass"), digest_size=_MARK_BYTES
    ).hexdigest()


def messages_of(marks: Collection[str]) -> Iterator[str]:
    """The marks, in as few messages as possible."""
    ordered = [EVERYTHING] if EVERYTHING in marks else sorted(marks)
    for start in range(0, len(ordered), _MARKS_PER_MESSAGE):
        yield " ".join(ordered[start : start + _MARKS_PER_MESSAGE])


def marks_of(message: str) -> frozenset[str]:
    """The marks of a message that was received."""
    return frozenset(message.split())
