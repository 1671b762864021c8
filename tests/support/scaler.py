"""A stand-in for KEDA: it starts and stops one agent by the signal of its queue alone.

Like KEDA's scaler ``metrics-api``, it asks an address at an interval, with a bearer token, reads
one number out of the JSON, activates above zero, and goes back to zero after a cooldown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.processes import ChildProcess


@dataclass(slots=True, kw_only=True)
class StandInScaler:
    """Use it as a context; the agent that is there at the end is ended."""

    url: str
    token: str
    queue: str
    start: Callable[[], ChildProcess]
    interval_seconds: float = 0.5
    cooldown_seconds: float = 6.0
    #: How many agents there were, whenever that changed.
    replicas: list[int] = field(default_factory=lambda: [0])
    #: What the signal said last.
    seen: dict[str, Any] = field(default_factory=dict)
    #: What went wrong.
    faults: list[str] = field(default_factory=list)
    _agent: ChildProcess | None = None
    _idle_since: float | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="scaler", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        if self._agent is not None:
            self._agent.kill()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx.Client(
            base_url=self.url, headers=headers, timeout=20, trust_env=False
        ) as client:
            while not self._stopped.wait(self.interval_seconds):
                try:
                    answer = client.get("/api/queues/scale", params={"queue": self.queue})
                    self.seen = answer.raise_for_status().json()
                    self._scale(int(self.seen["work"]))
                except Exception as error:  # noqa: BLE001 - a scaler goes on, and the test reads it
                    self.faults.append(repr(error))

    def _scale(self, work: int) -> None:
        now = time.monotonic()
        if work > 0:
            self._idle_since = None
            if self._agent is None:
                self._agent = self.start()
                self.replicas.append(1)
            return
        if self._agent is None:
            return
        self._idle_since = self._idle_since or now
        if now - self._idle_since >= self.cooldown_seconds:
            self._agent.stop()
            self._agent = None
            self.replicas.append(0)
