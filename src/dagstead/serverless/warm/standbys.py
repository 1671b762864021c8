"""The warm workers of a pool: which are kept, and for how long."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

from dagstead.errors import DagsteadError
from dagstead.serverless.warm.standby import Standby

logger = logging.getLogger("dagstead.serverless.warm")

#: What was imported may be out of date after this time, in seconds: code may read files or ask a
#: service when it is imported.
_MOST_AGE = 600.0
#: A run that begins has the processor to itself.
_PAUSE_SECONDS = 1.0
#: Of the machine's memory, this share stays free.
_FREE_SHARE = 0.2
#: Versions of locations that are remembered.
_REMEMBERED = 1_000


@dataclass(slots=True)
class _Seat:
    """What is known of one version of a location's code."""

    standby: Standby | None = None
    is_being_filled: bool = False
    launched_at: float = float("-inf")
    #: Whether the last one was let go of, and had waited for nothing.
    was_in_vain: bool = False
    #: Whether its code can be imported by the worker of a run only.
    needs_token: bool = False


@dataclass(kw_only=True)
class Standbys:
    """At most some warm workers, one for each version of a location's code.

    One is started after a launch: where one run was launched, the next often follows. Safe to use
    from several threads.
    """

    #: 0 is none.
    most: int
    clock: Callable[[], float] = time.monotonic
    #: Whether the machine has memory to spare.
    has_memory: Callable[[], bool] = field(default_factory=lambda: _has_memory)
    pause_seconds: float = _PAUSE_SECONDS
    _seats: OrderedDict[str, _Seat] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)

    def take(self, key: str) -> Standby | None:
        """The one that waits for a run of this version of the code; the caller has it from now."""
        with self._lock:
            seat = self._seats.get(key)
            if seat is None or seat.standby is None:
                return None
            standby, seat.standby = seat.standby, None
            seat.was_in_vain = False
            if self._is_good(standby):
                return standby
            seat.needs_token = standby.needs_token
        standby.end()
        return None

    def needs_token(self, key: str) -> bool:
        """Whether nothing waits for runs of this code, as it needs their token to be imported."""
        with self._lock:
            seat = self._seats.get(key)
            return seat is not None and seat.needs_token

    def follow(self, key: str, start: Callable[[], Standby]) -> None:
        """A run was launched: have one for the next, if that is likely to come soon.

        Args:
            key: of the version of the code.
            start: starts one, in a thread of its own and a moment later.
        """
        with self._lock:
            now = self.clock()
            seat = self._seats.setdefault(key, _Seat())
            self._seats.move_to_end(key)
            is_rare = seat.was_in_vain and now - seat.launched_at > _MOST_AGE
            seat.launched_at = now
            is_there = seat.standby or seat.is_being_filled
            if not self.most or is_there or is_rare or seat.needs_token:
                return
            seat.is_being_filled = True
            self._forget_oldest()
        threading.Thread(
            target=self._fill, args=(seat, start), name="warm-worker", daemon=True
        ).start()

    def look(self) -> None:
        """Let go of those that are too old, have ended, or whose memory is needed."""
        with self._lock:
            seats = [seat for seat in self._seats.values() if seat.standby is not None]
            spare = self.has_memory()
            left = list(self._emptied(seat for seat in seats if not spare or self._is_over(seat)))
        for standby in left:
            standby.end()

    def close(self) -> None:
        """Let go of all of them, and start no more."""
        self._closed.set()
        with self._lock:
            left = list(self._emptied(self._seats.values()))
        for standby in left:
            standby.end()

    def _fill(self, seat: _Seat, start: Callable[[], Standby]) -> None:
        standby = None
        try:
            if not self._closed.wait(self.pause_seconds) and self._makes_room():
                standby = start()
        except (OSError, DagsteadError) as error:
            logger.warning("No process could be started ahead of the next run: %s", error)
        with self._lock:
            seat.is_being_filled = False
            if not self._closed.is_set():
                seat.standby, standby = standby, None
        if standby is not None:
            standby.end()

    def _makes_room(self) -> bool:
        if not self.has_memory():
            return False
        with self._lock:
            taken = [seat for seat in self._seats.values() if seat.standby is not None]
            # Those whose last launch is longest ago come first.
            left = list(self._emptied(taken[: max(0, len(taken) + 1 - self.most)]))
        for standby in left:
            standby.end()
        return True

    def _is_over(self, seat: _Seat) -> bool:
        return seat.standby is not None and not self._is_good(seat.standby)

    def _is_good(self, standby: Standby) -> bool:
        is_fresh = self.clock() - standby.started_at <= _MOST_AGE
        return standby.is_waiting and is_fresh and not standby.needs_token

    def _emptied(self, seats: Iterable[_Seat]) -> Iterator[Standby]:
        for seat in seats:
            if seat.standby is not None:
                yield seat.standby
                seat.needs_token = seat.standby.needs_token
                seat.standby = None
                seat.was_in_vain = True

    def _forget_oldest(self) -> None:
        while len(self._seats) > _REMEMBERED:
            oldest, seat = next(iter(self._seats.items()))
            if seat.standby is not None or seat.is_being_filled:
                return
            del self._seats[oldest]


@cache
def standbys_of(_pool: Path, most: int) -> Standbys:
    """Those of the pool in a folder: agents make a launcher for each launch, and forget it."""
    return Standbys(most=most)


def _has_memory() -> bool:
    memory = psutil.virtual_memory()
    return bool(memory.available > _FREE_SHARE * memory.total)
