"""Tallies: what has happened so often, counted in memory and added up in the database.

A counter in the database that changes with every poll, event and end of a run would be written by
everybody at once. So every process counts by itself, and every few seconds adds up what it has.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: Upper bounds of the times from the queueing of a request until an agent gets it, in seconds.
DISPATCH_BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
#: The bucket of those that took longer than every bound.
ABOVE = "+Inf"


class TallyKind(StrEnum):
    """What is counted, and whether by queue or by deployment."""

    #: Requests that agents got, by the bound of the time that they had waited.
    DISPATCHED = "dispatched"
    #: The sum of these times, in seconds.
    DISPATCH_SECONDS = "dispatch_seconds"
    EXPIRED = "expired"
    REDELIVERED = "redelivered"
    #: Runs that have ended, by their last status.
    RUNS_ENDED = "runs_ended"
    #: Events of runs that agents and workers have sent.
    EVENTS = "events"
    #: Loads of locations that agents have reported as failed.
    LOAD_ERRORS = "load_errors"

    @property
    def is_by_queue(self) -> bool:
        """Whether its place is a queue; else it is a deployment."""
        return self in _BY_QUEUE


_BY_QUEUE = frozenset(
    {TallyKind.DISPATCHED, TallyKind.DISPATCH_SECONDS, TallyKind.EXPIRED, TallyKind.REDELIVERED}
)


@dataclass(frozen=True, slots=True)
class Series:
    """One counter."""

    what: TallyKind
    #: The name of a queue, ``None`` for the default queue; or of a deployment.
    place: str | None
    #: The bound of a bucket, or a status.
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """What this process has counted, and not added to the database yet."""

    _counts: Counter[Series] = field(default_factory=Counter)
    _sums: dict[str | None, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: TallyKind, place: str | None, detail: str = "", number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self._counts[Series(what, place, detail)] += number

    def dispatched(self, queue: str | None, seconds: float) -> None:
        """Count a request that an agent got, after it had waited for some seconds."""
        waited = max(0.0, seconds)
        at = bisect_left(DISPATCH_BOUNDS, waited)
        bucket = str(DISPATCH_BOUNDS[at]) if at < len(DISPATCH_BOUNDS) else ABOVE
        with self._lock:
            self._counts[Series(TallyKind.DISPATCHED, queue, bucket)] += 1
            self._sums[queue] = self._sums.get(queue, 0.0) + waited

    def take(self) -> Mapping[Series, float]:
        """What was counted since the last time."""
        with self._lock:
            taken: dict[Series, float] = dict(self._counts)
            for queue, seconds in self._sums.items():
                taken[Series(TallyKind.DISPATCH_SECONDS, queue)] = seconds
            self._counts.clear()
            self._sums.clear()
        return taken

    def give_back(self, taken: Mapping[Series, float]) -> None:
        """Count once more what could not be added."""
        with self._lock:
            for series, number in taken.items():
                if series.what is TallyKind.DISPATCH_SECONDS:
                    self._sums[series.place] = self._sums.get(series.place, 0.0) + number
                else:
                    self._counts[series] += int(number)
