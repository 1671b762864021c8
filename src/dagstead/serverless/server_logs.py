"""Sends to the control plane what code servers print, so that people read it on pages."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagstead.model.server_logs import MOST_CHARACTERS, MOST_LINES, tail_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dagster_cloud.instance import DagsterCloudAgentInstance

#: Between two sendings: what prints all the time must not keep the control plane busy.
_PAUSE_SECONDS = 3.0
#: Between two tries while the control plane is away.
_RETRY_SECONDS = 15.0
#: For a server that has ended: its location may not be the pool's any more.
_MOST_TRIES = 20
#: How long an agent that is asked to stop waits for the last lines to arrive.
_LAST_SECONDS = 3.0
#: More than is shown: the control plane cuts once secrets are masked, so that none is cut in two.
_LINE_CHARACTERS = 4_000
_SENT_CHARACTERS = 2 * MOST_CHARACTERS

logger = logging.getLogger("dagstead.serverless.logs")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogTail:
    """What a code server has printed last."""

    deployment: str
    location: str
    server: str
    started_at: float
    ended_at: float | None
    lines: Sequence[str]
    is_cut: bool


@dataclass(kw_only=True, slots=True)
class _Following:
    """A code server whose lines are followed."""

    deployment: str
    location: str
    server: str
    started_at: float
    ended_at: float | None = None
    count: int = 0
    #: The lines that the control plane has; nothing at first.
    sent: int = -1
    #: That have failed, one after another.
    tries: int = 0
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))

    @property
    def is_due(self) -> bool:
        return self.ended_at is not None or self.sent < self.count

    def printed(self) -> LogTail:
        kept = tail_of(self.lines, _SENT_CHARACTERS)
        return LogTail(
            deployment=self.deployment,
            location=self.location,
            server=self.server,
            started_at=self.started_at,
            ended_at=self.ended_at,
            lines=kept,
            is_cut=len(kept) < self.count,
        )


class LogSender:
    """Sends in a thread of its own, as the control plane may be away for a while."""

    def __init__(self, send: Callable[[LogTail], None], clock: Callable[[], float]) -> None:
        """Take what sends, and a clock of seconds since 1970."""
        self._send = send
        self._clock = clock
        self._guard = threading.Condition()
        self._followed: dict[str, _Following] = {}
        self._explained: dict[tuple[str, str], str] = {}
        self._pause = _PAUSE_SECONDS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server-logs", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is left, without waiting long for the control plane."""
        self._stopping.set()
        with self._guard:
            self._guard.notify()
        if self._thread.is_alive():
            self._thread.join(_LAST_SECONDS)

    def explain_next(self, deployment: str, location: str, line: str) -> None:
        """Begin the log of a location's next code server with a line of the pool's own."""
        with self._guard:
            self._explained[deployment, location] = line

    def begin(self, deployment: str, location: str, server: str) -> None:
        """A code server has started."""
        following = _Following(
            deployment=deployment, location=location, server=server, started_at=self._clock()
        )
        with self._guard:
            explained = self._explained.pop((deployment, location), None)
            if explained is not None:
                following.lines.append(explained)
                following.count += 1
            self._followed[server] = following
            self._guard.notify()

    def add(self, server: str, line: str) -> None:
        """A code server has printed a line."""
        with self._guard:
            following = self._followed.get(server)
            if following is not None:
                following.lines.append(line[:_LINE_CHARACTERS])
                following.count += 1
                self._guard.notify()

    def end(self, server: str) -> None:
        """A code server has ended, and printed all that it will."""
        with self._guard:
            following = self._followed.get(server)
            if following is not None:
                following.ended_at = self._clock()
                self._guard.notify()

    def _run(self) -> None:
        while True:
            with self._guard:
                while not (self._stopping.is_set() or self._due()):
                    self._guard.wait()
            self._send_all()
            if self._stopping.is_set():
                return
            self._stopping.wait(self._pause)

    def _due(self) -> list[_Following]:
        return [each for each in self._followed.values() if each.is_due]

    def _send_all(self) -> None:
        self._pause = _PAUSE_SECONDS
        with self._guard:
            due = [(each, each.count, each.printed()) for each in self._due()]
        for following, count, printed in due:
            try:
                self._send(printed)
            except Exception as error:  # noqa: BLE001 - it is tried again, whatever it is
                logger.warning("Could not send what code servers print: %s", error)
                self._pause = _RETRY_SECONDS
                following.tries += 1
                is_over = following.tries > _MOST_TRIES
            else:
                following.tries = 0
                is_over = True
                following.sent = count
            if printed.ended_at is not None and is_over:
                with self._guard:
                    self._followed.pop(following.server, None)


def logs_sent_by(instance: Callable[[], DagsterCloudAgentInstance]) -> LogSender:
    """The logs of a pool, sent by its agent, which is there once the pool has started."""

    def send(printed: LogTail) -> None:
        agent = instance()
        agent.http_client.execute(
            "PUT",
            f"{agent.dagster_cloud_url}/server_log",
            headers=agent.headers_for_deployment(printed.deployment),
            idempotent=True,
            json={
                "location": printed.location,
                "server": printed.server,
                "startedAt": printed.started_at,
                "endedAt": printed.ended_at,
                "lines": list(printed.lines),
                "isCut": printed.is_cut,
            },
        )

    return LogSender(send, time.time)
