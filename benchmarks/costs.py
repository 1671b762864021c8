"""The processor and the memory of processes with all their children."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import psutil

_LOOK_SECONDS = 0.1


def memory_megabytes(roots: Sequence[psutil.Process]) -> float:
    """What they occupy, pages that several share divided between them."""
    total = 0
    for process in _family(roots):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


class Window:
    """A time in which processes and their children are watched, until somebody asks for the sum.

    Nobody waits for some children, so that what they have used is in no sum of the kernel's: each
    is looked at while it lives, and its last moments are lost.
    """

    def __init__(self, roots: Sequence[psutil.Process]) -> None:
        """Begin now."""
        self._roots = roots
        self._begin = time.monotonic()
        self._first = _used(roots)
        self._last = dict(self._first)
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    @property
    def seconds(self) -> float:
        """For how long."""
        return time.monotonic() - self._begin

    @property
    def processor_seconds(self) -> float:
        """What was used since."""
        self._over.set()
        self._watcher.join()
        return sum(used - self._first.get(process, 0.0) for process, used in self._last.items())

    @property
    def percent_of_a_core(self) -> float:
        """The same, as a share of the time."""
        seconds = self.seconds
        return 100 * self.processor_seconds / seconds

    def _watch(self) -> None:
        is_over = False
        while not is_over:
            is_over = self._over.wait(_LOOK_SECONDS)
            self._last.update(_used(self._roots))


def _used(roots: Sequence[psutil.Process]) -> dict[tuple[int, float], float]:
    """What every process has used itself, by its number and its start."""
    found = {}
    for process in _family(roots):
        with suppress(psutil.Error):
            used = process.cpu_times()
            found[process.pid, process.create_time()] = used.user + used.system
    return found


def _family(roots: Sequence[psutil.Process]) -> Iterator[psutil.Process]:
    seen: set[int] = set()
    for root in roots:
        with suppress(psutil.Error):
            for process in (root, *root.children(recursive=True)):
                if process.pid not in seen:
                    seen.add(process.pid)
                    yield process
