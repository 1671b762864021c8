"""Says, every few seconds, that this web server can hear agents.

An agent is known to be gone by its silence. While the server is frozen, or its database is away,
all agents are silent, and not gone: without this sign, locations would be shown as served by nobody
until their agents have called again.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import Self

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import StoreAwayError

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 4.0


@dataclass(slots=True)
class ListeningThread:
    """A thread that lives as long as the server listens; it also writes down what was counted."""

    control: Control
    every_seconds: float = _EVERY_SECONDS
    _ended: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        self._note()
        self._thread = threading.Thread(target=self._keep, name="listening", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        # What was counted and not written down yet ends with this process.
        self.control.trail.write_down(SYSTEM, all_of_them=True)
        self.control.metrics.write_down(SYSTEM)

    def _keep(self) -> None:
        while not self._ended.wait(self.every_seconds):
            self._note()

    def _note(self) -> None:
        # Nobody waits for it: another process may be writing, and the next time is soon.
        try:
            self.control.agents.listen(SYSTEM)
            self.control.trail.write_down(SYSTEM)
            self.control.metrics.write_down(SYSTEM)
        except StoreAwayError as error:
            logger.debug("Could not note that this server listens: %s", error.reason)
        except Exception:
            logger.exception("Could not note that this server listens")
