"""The processor and the memory of processes with all their children."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import psutil


def processor_seconds(roots: Sequence[psutil.Process]) -> float:
    """What they and their children have used, those that have ended as well."""
    total = 0.0
    for process in _family(roots):
        with suppress(psutil.Error):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def memory_megabytes(roots: Sequence[psutil.Process]) -> float:
    """What they occupy, pages that several share divided between them."""
    total = 0
    for process in _family(roots):
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which processes are watched."""

    _roots: Sequence[psutil.Process]
    _begin: float
    _used: float

    @classmethod
    def begin(cls, roots: Sequence[psutil.Process]) -> Self:
        """Begin now."""
        return cls(roots, time.monotonic(), processor_seconds(roots))

    @property
    def seconds(self) -> float:
        """For how long."""
        return time.monotonic() - self._begin

    @property
    def processor_seconds(self) -> float:
        """What was used since."""
        return processor_seconds(self._roots) - self._used

    @property
    def percent_of_a_core(self) -> float:
        """The same, as a share of the time."""
        return 100 * self.processor_seconds / self.seconds


def _family(roots: Sequence[psutil.Process]) -> Iterator[psutil.Process]:
    seen: set[int] = set()
    for root in roots:
        with suppress(psutil.Error):
            for process in (root, *root.children(recursive=True)):
                if process.pid not in seen:
                    seen.add(process.pid)
                    yield process
