"""Programs that are started again when they end, as systemd and Kubernetes do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.support.processes import ChildProcess

_LOOK_SECONDS = 0.25
#: Between the end of a program and its next start.
_PAUSE_SECONDS = 2.0

Start = Callable[[], ChildProcess]


class Keeper:
    """Starts programs, and starts them again after they have ended."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._starts: dict[str, Start] = {}
        self._started: dict[str, list[ChildProcess]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def keep(self, name: str, start: Start) -> ChildProcess:
        """Start a program now, and from now on whenever it has ended."""
        self._started[name] = [start()]
        self._starts[name] = start
        return self.now(name)

    def now(self, name: str) -> ChildProcess:
        """The latest start of a program."""
        return self._started[name][-1]

    def keeps(self, name: str) -> bool:
        """Whether it keeps a program of that name."""
        return name in self._started

    def log_tails(self) -> str:
        """What all of them wrote last."""
        return "\n".join(self.now(name).log_tail() for name in list(self._started))

    def close(self) -> None:
        """Stop all of them, those first that were started last."""
        self._closed.set()
        self._thread.join()
        for children in reversed(self._started.values()):
            children[-1].stop(30)
            for earlier in children:
                # What they started may have outlived them.
                earlier.kill()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            for name, start in list(self._starts.items()):
                if self.now(name).exit_code is None:
                    continue
                if self._closed.wait(_PAUSE_SECONDS):
                    return
                self._started[name].append(start())
