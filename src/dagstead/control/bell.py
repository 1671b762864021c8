"""The bell of the house: whoever changes something rings, and whoever waits for that wakes.

Ring after the commit: who wakes looks at the database, and must find what has changed. A ring can
get lost between two processes, when one of them is killed or the database is away. So a waiter also
looks by itself, every ``LOOK_SECONDS``.

A waiter listens before it looks for the first time, and waits after each look::

    with bell.listen(answered(request_id)) as listener:
        while (answer := find(request_id)) is None:
            listener.wait(LOOK_SECONDS)
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

#: How often a waiter looks when nothing rings.
LOOK_SECONDS = 1.0


class Listener(Protocol):
    """Belongs to one waiter."""

    def wait(self, timeout: float) -> bool:
        """Wait for a ring, at most that many seconds.

        Returns:
            True when there was one since the last wait, or since ``listen``. It may have been for
            something else.
        """

    async def wait_async(self, timeout: float) -> bool:  # noqa: ASYNC109 - the twin of wait
        """The same without holding a thread."""


class Bell(Protocol):
    """Reaches every process of a control plane."""

    def ring(self, *topics: str) -> None:
        """Wake all who listen to one of these topics. Takes no time and never fails."""

    def listen(self, *topics: str) -> AbstractContextManager[Listener]:
        """Hear these topics from now on."""


def answered(request_id: str) -> str:
    """An agent has answered a request."""
    return f"answered:{request_id}"


def queue(deployment: str, queue: str | None) -> str:
    """A request waits in a queue of a deployment; ``None`` is the default queue."""
    # Names of deployments have no colon.
    return f"queue:{deployment}" if queue is None else f"queue:{deployment}:{queue}"


def releases(deployment: str) -> str:
    """A release of a deployment has begun, moved on or ended."""
    return f"releases:{deployment}"


def locations(deployment: str) -> str:
    """The code locations of a deployment have changed."""
    return f"locations:{deployment}"


def written(deployment: str, key: str) -> str:
    """The write with an idempotency key has ended, well or not."""
    return f"written:{deployment}:{key}"
