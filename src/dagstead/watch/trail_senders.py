"""Sends the trail to other places, each in a thread of its own: one that is slow holds up no other.

The position of each place is in the database. A row counts as sent once the place has taken it; who
leads next goes on from there. So a row may arrive twice, and none is left out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import StoreAwayError
from dagstead.model.text import plain_line
from dagstead.plane.leases import LeadershipLostError

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
#: The longest pause between two tries of a place that fails.
_LONGEST_PAUSE_SECONDS = 60.0
_BATCH = 100
_MOST_FAULT = 300
#: How long the end of a leader waits for a batch under way.
_STOP_SECONDS = 3.0


class Destination(Protocol):
    """A place to which the trail is sent."""

    @property
    def name(self) -> str:
        """What it is called in the settings, after ``trail_``."""

    def send(self, lines: Sequence[str]) -> None:
        """Have it take lines; returns when it has.

        Raises:
            Exception: when it does not.
        """


@dataclass(slots=True)
class TrailSenders:
    """Runs in the daemon process, for as long as it leads."""

    control: Control
    destinations: Sequence[Destination]
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to send."""
        self.control.trail.keep_sinks(SYSTEM, frozenset(each.name for each in self.destinations))
        for each in self.destinations:
            thread = threading.Thread(
                target=self._run, args=(each,), name=f"trail {each.name}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End after the rows that are under way."""
        self._stopped.set()
        for each in self._threads:
            each.join(_STOP_SECONDS)

    def _run(self, destination: Destination) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                sent = self.send_some(destination)
                failures = 0
            except LeadershipLostError:
                return
            except Exception as error:  # noqa: BLE001 - whatever a place does, it is tried again
                failures += 1
                sent = 0
                self._note(destination, error)
            if sent < _BATCH:
                pause = _LOOK_SECONDS * 2 ** min(failures, 6)
                self._stopped.wait(min(pause, _LONGEST_PAUSE_SECONDS))

    def send_some(self, destination: Destination) -> int:
        """Send the next rows; returns how many.

        Raises:
            Exception: when they did not arrive, or the store is away.
        """
        rows = self.control.trail.waiting(SYSTEM, destination.name, _BATCH)
        if rows:
            destination.send([row.line for row in rows])
            self.control.trail.note_sent(SYSTEM, destination.name, rows[-1])
        return len(rows)

    def _note(self, destination: Destination, error: Exception) -> None:
        if isinstance(error, StoreAwayError):
            logger.warning("The trail is not sent: %s", error.reason)
            return
        fault = plain_line(f"{type(error).__name__}: {error}")[:_MOST_FAULT].rstrip(".") + "."
        logger.warning("The trail does not reach the %s: %s", destination.name, fault)
        try:
            self.control.trail.note_failing(SYSTEM, destination.name, fault)
        except StoreAwayError as away:
            logger.warning("This could not be noted: %s", away.reason)
