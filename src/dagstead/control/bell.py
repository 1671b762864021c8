"""The bell: code that changes something rings it, and wakes those who wait for the change.

Ring after the commit: waiters then look at the database, and must find the change. A ring between
two processes can get lost, when one of them is killed or the database is away. That is why waiters
also look by themselves, every ``LOOK_SECONDS``.

A waiter listens before its first look, and waits after every look::

    with bell.listen(answered(request_id)) as listener:
        while (answer := find(request_id)) is None:
            listener.wait(LOOK_SECONDS)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

#: How often a waiter looks while nothing rings.
LOOK_SECONDS = 1.0


class Listener(Protocol):
    """Hears rings for one waiter."""

    def wait(self, timeout: float) -> bool:
        """Wait for a ring, at most ``timeout`` seconds.

        Returns:
            Whether it rang since the last wait, or since ``listen``. It may have been for
            something else.
        """

    async def wait_async(self, timeout: float) -> bool:  # noqa: ASYNC109 - the twin of wait
        """The same, without blocking a thread."""

    def when_rung(self, call: Callable[[], None]) -> None:
        """Call this at every ring, in the thread that rings: it may take no time."""


class Bell(Protocol):
    """Reaches every process of a control plane."""

    def ring(self, *topics: str) -> None:
        """Wake all who listen to one of these topics. Takes no time and never fails."""

    def listen(self, *topics: str) -> AbstractContextManager[Listener]:
        """Begin to hear these topics."""


def answered(request_id: str) -> str:
    """An agent has answered a request."""
    return f"answered:{request_id}"


def queue(queue: str | None) -> str:
    """A request waits in a queue, of whichever deployment; ``None`` is the default queue."""
    return "queue" if queue is None else f"queue:{queue}"


def run_queue(deployment: str) -> str:
    """A run of a deployment was queued, or has ended, which may let another one start."""
    return f"run-queue:{deployment}"


def releases(deployment: str) -> str:
    """A release of a deployment has begun, moved on or ended."""
    return f"releases:{deployment}"


def locations(deployment: str) -> str:
    """The code locations of a deployment have changed."""
    return f"locations:{deployment}"


def server_log(deployment: str, location: str) -> str:
    """The newest code server of a location has printed something."""
    return f"server-log:{deployment}:{location}"


def written(deployment: str, key: str) -> str:
    """The write with an idempotency key has ended, with or without success."""
    return f"written:{deployment}:{key}"


def sign_ins() -> str:
    """A session has ended, or a token was revoked."""
    return "sign-ins"


def queues() -> str:
    """A queue was changed, paused, resumed or removed."""
    return "queues"


def alerts() -> str:
    """Alert policies, silences or what fires were changed, or there is a message to send."""
    return "alerts"
