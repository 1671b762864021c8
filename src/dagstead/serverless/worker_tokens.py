"""Tokens of the processes that run user code: each has its own, and the agent keeps its own.

The control plane makes them, and they end with their processes. What user code may do with them is
decided there.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud_cli.core.headers.auth import DagsterCloudInstanceScope

from dagstead.errors import PexError
from dagstead.serverless.agents_before import agents_of, current_agent
from dagstead.serverless.environ import TOKEN_VARIABLE
from dagstead.serverless.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.run_worker import RunWorker

#: Code servers' tokens live for an hour from then.
_RENEW_SECONDS = 300.0
#: Between two tries while the control plane is away.
_RETRY_SECONDS = 15.0
#: How long an agent that is asked to stop waits for its last report.
_LAST_REPORT_SECONDS = 3.0

logger = logging.getLogger("dagstead.serverless.tokens")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerToken:
    """The token of one process."""

    #: By which the pool speaks of it.
    id: int
    secret: str = field(repr=False)

    def given_to(self, environment: Mapping[str, str]) -> dict[str, str]:
        """An environment that has it, where official code looks for it."""
        return {**environment, TOKEN_VARIABLE: self.secret}


@dataclass(frozen=True, kw_only=True)
class WorkerTokens:
    """Asks the control plane for tokens, as the pool's agent."""

    instance: DagsterCloudAgentInstance
    home: PoolHome

    def for_server(self, deployment: str, location: str) -> WorkerToken:
        """The token of a new code server.

        Raises:
            PexError: The control plane gives none.
        """
        return self._mint(deployment, {"location": location})

    def for_run(self, deployment: str, location: str, run_id: str, launch: int) -> WorkerToken:
        """The token of the worker of a launch.

        Raises:
            PexError: The control plane gives none.
        """
        asked = {"location": location, "runId": run_id, "launch": launch}
        return self._mint(deployment, asked)

    def report(self, processes: Processes) -> None:
        """Renew the tokens of what runs, and end the others.

        Raises:
            Exception: of the official client, when the control plane cannot be reached.
        """
        self._call(
            "PUT",
            self.instance.dagster_cloud_api_headers(DagsterCloudInstanceScope.ORGANIZATION),
            {
                "agentIds": agents_of(self.home),
                "running": sorted(processes.running),
                "ended": sorted(processes.ended),
            },
        )

    def _mint(self, deployment: str, asked: Mapping[str, object]) -> WorkerToken:
        try:
            made = self._call(
                "POST",
                self.instance.headers_for_deployment(deployment),
                {"agentId": current_agent(self.home), **asked},
            )
            return WorkerToken(id=int(str(made["id"])), secret=str(made["token"]))
        except Exception as error:
            # Whatever the official client raises: it has many classes for what a server answers.
            msg = f"The control plane gave no token for a process of this code: {error}"
            raise PexError(msg) from error

    def _call(
        self, method: str, headers: Mapping[str, str], body: Mapping[str, object]
    ) -> Mapping[str, Any]:
        url = f"{self.instance.dagster_cloud_url}/worker_tokens"
        answer: Mapping[str, Any] = self.instance.http_client.execute(
            method, url, headers=headers, idempotent=True, json=body
        )
        return answer


class TokenKeeper:
    """Reports in a thread of its own what runs, as the control plane may be away for a while."""

    def __init__(self, send: Callable[[Processes], None], *, clock: Callable[[], float]) -> None:
        """Take what sends a report, and a clock of seconds."""
        self._send = send
        self._clock = clock
        self._guard = threading.Condition()
        #: Nothing is reported before it is known what runs: an agent may have left processes.
        self._now: Processes | None = None
        self._sent: Processes | None = None
        self._due = 0.0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="worker-tokens", daemon=True)

    def start(self) -> None:
        """Begin to report."""
        self._thread.start()

    def note(self, processes: Processes) -> None:
        """Take the present state; it is reported at once when something has ended or begun."""
        with self._guard:
            self._now = processes
            self._guard.notify()

    def stop(self) -> None:
        """Report once more, and end, without waiting long for the control plane."""
        with self._guard:
            self._stopped = True
            self._guard.notify()
        if self._thread.is_alive():
            self._thread.join(_LAST_REPORT_SECONDS)

    def _run(self) -> None:
        while True:
            with self._guard:
                while not self._is_due():
                    self._guard.wait(self._pause())
                processes, is_last = self._now, self._stopped
            if processes is not None:
                self._report(processes)
            if is_last:
                return

    def _pause(self) -> float | None:
        return None if self._now is None else max(0.0, self._due - self._clock())

    def _is_due(self) -> bool:
        if self._stopped or self._now is None:
            return self._stopped
        has_changed = self._sent is not None and self._now != self._sent
        return has_changed or self._clock() >= self._due

    def _report(self, processes: Processes) -> None:
        known = frozenset[int]() if self._sent is None else self._sent.ended
        try:
            self._send(Processes(running=processes.running, ended=processes.ended - known))
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it is
            logger.warning("Could not report the processes of the pool: %s", error)
            self._sent, pause = None, _RETRY_SECONDS
        else:
            self._sent, pause = processes, _RENEW_SECONDS
        self._due = self._clock() + pause


def keeper_of(tokens: WorkerTokens) -> TokenKeeper:
    """The keeper of a pool's tokens."""
    return TokenKeeper(tokens.report, clock=time.monotonic)


def processes_of(servers: Processes, workers: Iterable[RunWorker]) -> Processes:
    """Code servers and run workers together."""
    held = {worker.token: worker.is_alive for worker in workers if worker.token is not None}
    running = {token for token, is_alive in held.items() if is_alive}
    return Processes(
        running=servers.running | running, ended=servers.ended | (held.keys() - running)
    )
