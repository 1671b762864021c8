"""Threads that the daemons of all deployments share.

Each daemon takes a turn when it is due. While one hangs, such as in a call of user code, the others
go on: it has the thread for itself, and does not count among those that may work at once.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Protocol

logger = logging.getLogger(__name__)

#: Turns at a time; they mostly use the processor and the database.
_AT_ONCE = 4
#: A turn that takes longer waits for something, and others may begin meanwhile.
_HANGS_SECONDS = 1.0
#: One of them keeps the time, and the other takes over when that one has found work.
_IDLE_THREADS = 2
#: After a turn that has failed, which it should not.
_FAILED_SECONDS = 5.0
#: Whoever is called again and again may begin its next turn after this time.
_LEAST_SECONDS = 0.02


class Turn(Protocol):
    """What takes turns."""

    def take(self) -> float | None:
        """Do what is due; return in how many seconds the next turn is, ``None`` for never."""


@dataclass(slots=True, eq=False)
class _Seat:
    of: Turn
    due: float
    #: When its turn has begun; ``None`` while it has none.
    since: float | None = None
    is_called: bool = False


class Turns:
    """Gives everybody a turn when it is due, and never two at the same time to one of them."""

    def __init__(
        self, at_once: int = _AT_ONCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nobody takes turns yet.

        Args:
            at_once: how many work at the same time, without those that hang.
            clock: seconds; only goes forward.
        """
        self._at_once = at_once
        self._clock = clock
        self._changed = threading.Condition()
        self._seats: dict[Turn, _Seat] = {}
        #: Times that no longer count are left in it.
        self._due: list[tuple[float, int, _Seat]] = []
        self._numbers = count()
        self._threads = 0
        self._idle = 0
        self._is_timed = False
        self._is_stopped = False

    def add(self, turn: Turn) -> None:
        """Let somebody take turns, the first one now."""
        with self._changed:
            self._seats[turn] = seat = _Seat(of=turn, due=0.0)
            self._set(seat, self._clock())
            if not self._idle:
                self._start_thread()

    def call(self, turn: Turn) -> None:
        """Let somebody have its next turn now. Does nothing for one that takes no more."""
        with self._changed:
            seat = self._seats.get(turn)
            if seat is None:
                return
            seat.is_called = True
            if seat.since is None:
                self._set(seat, self._clock())

    def stop(self, seconds: float) -> bool:
        """Wait until nobody takes turns any more, then begin no more.

        Args:
            seconds: to wait at most.

        Returns:
            Whether all have ended.
        """
        with self._changed:
            have_ended = self._changed.wait_for(lambda: not self._seats, seconds)
            self._is_stopped = True
            self._changed.notify_all()
        return have_ended

    def _set(self, seat: _Seat, due: float) -> None:
        seat.due = due
        heapq.heappush(self._due, (due, next(self._numbers), seat))
        self._changed.notify_all()

    def _start_thread(self) -> None:
        self._threads += 1
        # It is idle from now, so that no second one is started in its place.
        self._idle += 1
        threading.Thread(target=self._work, name="daemons", daemon=True).start()

    def _work(self) -> None:
        while (seat := self._next()) is not None:
            seconds: float | None = _FAILED_SECONDS
            try:
                seconds = seat.of.take()
            except Exception:
                logger.exception("A daemon's turn has failed; it gets another one")
            self._give_back(seat, seconds)

    def _next(self) -> _Seat | None:
        """Wait until somebody is due; ``None`` for a thread that is not needed any more."""
        with self._changed:
            while not self._is_stopped:
                if self._is_timed:
                    if self._idle > _IDLE_THREADS:
                        break
                    self._changed.wait()
                    continue
                seat, seconds = self._look()
                if seat is not None:
                    self._idle -= 1
                    if self._idle:
                        self._changed.notify_all()
                    else:
                        self._start_thread()
                    return seat
                self._is_timed = True
                self._changed.wait(seconds)
                self._is_timed = False
            self._idle -= 1
            self._threads -= 1
            return None

    def _look(self) -> tuple[_Seat | None, float | None]:
        """Who is due; if it is nobody, how long to wait."""
        now = self._clock()
        began = [seat.since for seat in self._seats.values() if seat.since is not None]
        busy = [since for since in began if now - since < _HANGS_SECONDS]
        if len(busy) >= self._at_once:
            return None, min(busy) + _HANGS_SECONDS - now
        while self._due:
            due, _, seat = self._due[0]
            if seat.since is None and seat.due == due and self._seats.get(seat.of) is seat:
                if due > now:
                    return None, due - now
                seat.since = now
                seat.is_called = False
                heapq.heappop(self._due)
                return seat, 0.0
            heapq.heappop(self._due)
        return None, None

    def _give_back(self, seat: _Seat, seconds: float | None) -> None:
        with self._changed:
            seat.since = None
            self._idle += 1
            if seconds is None:
                del self._seats[seat.of]
                self._changed.notify_all()
            else:
                soon = _LEAST_SECONDS if seat.is_called else seconds
                self._set(seat, self._clock() + min(soon, seconds))
