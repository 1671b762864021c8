"""Removes what is old and not needed, in a thread of its own: a sweep may read many files."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.model.retention import Retention
from dagstead.plane.storage import StoredItem

logger = logging.getLogger(__name__)

_HOUR_SECONDS = 3600.0
#: How long it may hold up the end of a leader.
_STOP_SECONDS = 3.0


@dataclass(slots=True)
class Sweeps:
    """Runs in the daemon process; the first sweep begins with it."""

    control: Control
    retention: Retention
    #: Hours between the beginnings of two sweeps; 0 means that there are none.
    hours: int
    _next: float = 0.0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin_if_due(self) -> None:
        """Begin a sweep when it is time for one, and return at once."""
        now = self.control.clock()
        is_busy = self._thread is not None and self._thread.is_alive()
        if not self.hours or is_busy or now < self._next:
            return
        self._next = now + self.hours * _HOUR_SECONDS
        self._thread = threading.Thread(target=self._sweep, name="sweep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the sweep that is under way to end, and wait a moment for it.

        It may be removing a large folder. Whoever leads next removes the same, if anything.
        """
        self._stopped.set()
        self.wait(_STOP_SECONDS)

    def wait(self, seconds: float | None = None) -> None:
        """Wait for the end of the sweep that is under way."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _sweep(self) -> None:
        try:
            done = self.control.storage.sweep(SYSTEM, self.retention, self._stopped.is_set)
        except Exception:
            # The database or the disk may be away for a while: the next sweep tries again.
            logger.exception("Could not remove what is old")
        else:
            if done.removable:
                logger.info("Removed what nothing needs any more: %s", _counts(done.removable))


def _counts(removed: Iterable[StoredItem]) -> str:
    kinds = [str(item.kind) for item in removed]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
