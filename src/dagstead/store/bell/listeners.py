"""The listeners of this process."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from dagstead.store.bell.marks import EVERYTHING


class ProcessListener:
    """Wakes one waiter. A ring while nobody waits is kept for the next wait."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._wakers: list[Callable[[], None]] = []

    def ring(self) -> None:
        """Wake the waiter, from any thread."""
        self._rung.set()
        for wake in tuple(self._wakers):
            wake()

    def when_rung(self, call: Callable[[], None]) -> None:
        """Call this at every ring, from now on."""
        self._wakers.append(call)

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds; return whether it has rung since the last wait."""
        self._rung.wait(timeout)
        return self._take()

    async def wait_async(self, timeout: float) -> bool:  # noqa: ASYNC109 - the twin of wait
        """As :meth:`wait`, in an event loop."""
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            # The loop may have ended while another thread was ringing.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        self._wakers.append(wake)
        try:
            if not self._rung.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(timeout):
                        await woken.wait()
        finally:
            self._wakers.remove(wake)
        return self._take()

    def _take(self) -> bool:
        if not self._rung.is_set():
            return False
        # A ring between these two lines is not lost: the waiter has not looked yet.
        self._rung.clear()
        return True


class Listeners:
    """All listeners of this process, by the marks of their topics."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_mark: defaultdict[str, set[ProcessListener]] = defaultdict(set)

    @contextmanager
    def listen(self, marks: Collection[str]) -> Iterator[ProcessListener]:
        """A listener that hears these marks until the end of the block."""
        listener = ProcessListener()
        with self._lock:
            for mark in marks:
                self._by_mark[mark].add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                for mark in marks:
                    self._by_mark[mark].discard(listener)
                    if not self._by_mark[mark]:
                        del self._by_mark[mark]

    def ring(self, marks: Collection[str]) -> None:
        """Wake the listeners of these marks."""
        with self._lock:
            heard = self._by_mark.keys() if EVERYTHING in marks else self._by_mark.keys() & marks
            found = {listener for mark in heard for listener in self._by_mark[mark]}
        for listener in found:
            listener.ring()
