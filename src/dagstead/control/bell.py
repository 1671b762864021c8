"""The bell: an act rings it after its commit, and whoever waits for that wakes up.

Listening is never the only way to learn of something: a bell may be lost with its process, so who
waits looks by itself from time to time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Listener(Protocol):
    """Hears the topics that it was made for, from then on."""

    def wait(self, timeout: float) -> bool:
        """Wait until one of them is rung.

        Args:
            timeout: seconds to wait at most.

        Returns:
            Whether one was rung since the last wait.
        """


class Bell(Protocol):
    """Wakes whoever waits for a topic."""

    def ring(self, *topics: str) -> None:
        """Wake the listeners of these topics. It never fails: what is lost is looked for later."""

    def listen(self, *topics: str) -> AbstractContextManager[Listener]:
        """Hear these topics until the context ends. Begin to listen first, then look."""


def answered(request_id: str) -> str:
    """The topic of the answer to a request."""
    return f"answered {request_id}"


def queue(deployment: str, name: str | None) -> str:
    """The topic of work on an agent queue; the name ``None`` is the default queue's."""
    return f"queue {deployment} default" if name is None else f"queue {deployment} named {name}"


def releases(deployment: str) -> str:
    """The topic of a deployment's releases."""
    return f"releases {deployment}"


def locations(deployment: str) -> str:
    """The topic of a deployment's code locations."""
    return f"locations {deployment}"


class LocalBell:
    """A bell that is heard in its own process; any thread may ring and listen."""

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._listeners: set[_LocalListener] = set()

    def ring(self, *topics: str) -> None:
        """See :class:`Bell`."""
        with self._rung:
            for listener in self._listeners:
                listener.is_rung |= not listener.topics.isdisjoint(topics)
            self._rung.notify_all()

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Listener]:
        """See :class:`Bell`."""
        listener = _LocalListener(self._rung, frozenset(topics))
        with self._rung:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._rung:
                self._listeners.discard(listener)


class _LocalListener:
    def __init__(self, rung: threading.Condition, topics: frozenset[str]) -> None:
        self._rung = rung
        self.topics = topics
        self.is_rung = False

    def wait(self, timeout: float) -> bool:
        with self._rung:
            was_rung = self._rung.wait_for(lambda: self.is_rung, timeout)
            self.is_rung = False
        return was_rung
