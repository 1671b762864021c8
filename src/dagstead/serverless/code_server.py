"""One code server: a process that answers for the definitions of one deploy."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import deserialize_value
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import ServerEndpoint

from dagstead.serverless.home import PoolHome, read_json, remove, write_json
from dagstead.serverless.processes import ProcessMark, start_leader
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.programs import Owner
from dagstead.serverless.server_output import ServerOutput, forget_record

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.programs import Program
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.server_logs import LogSender

#: Of a process that was killed, and of a program around it that passes that on.
_KILLED = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
logger = logging.getLogger("dagstead.serverless.code")


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerId:
    """Which code server: the location it serves, and a name that no other server ever has."""

    handle: str
    deployment: str
    location: str
    socket: str

    @property
    def endpoint(self) -> ServerEndpoint:
        """Where the server answers, in the agent's own form."""
        return ServerEndpoint(  # type: ignore[no-untyped-call]
            host="localhost", port=None, socket=self.socket
        )

    @property
    def client(self) -> DagsterGrpcClient:
        """A client for the server."""
        return self.endpoint.create_client()


@dataclass(kw_only=True)
class CodeServer:
    """A code server, from before its process starts until after it ended.

    It may have outlived an agent that was killed: :meth:`left_behind` finds those.
    """

    id: ServerId
    record: Path
    #: Where the server makes its socket, until it is taken to where the agent finds it.
    binding: Path
    #: Whose code it runs; ``None`` before it is started.
    owner: Owner | None = None
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    mark: ProcessMark | None = None
    umask: int = -1
    #: The PEX environment it runs in.
    environment: str | None = None
    #: Get what it prints.
    logs: LogSender | None = None
    #: The number of its token; ``None`` before it starts, and where an earlier version started it.
    token: int | None = None
    #: When it was asked to stop, in the seconds of a monotonic clock.
    stopping_since: float | None = None
    #: Why the pool has ended it, where it had more than its limits.
    over_limit: str | None = None
    _process: subprocess.Popen[Any] | None = None
    _quiet: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def left_behind(cls, home: PoolHome) -> list[CodeServer]:
        """The servers of earlier agents that still run; the records of all others are removed."""
        found = []
        for record in home.servers.glob("*.json"):
            value = read_json(record)
            mark = ProcessMark(pid=value["pid"], started=value["started"]) if value else None
            if value is None or mark is None or not mark.is_alive():
                forget_record(record)
                continue
            identity = ServerId(
                handle=record.stem,
                deployment=value["deployment"],
                location=value["location"],
                socket=value["socket"],
            )
            server = cls(
                id=identity,
                record=record,
                binding=Path(value.get("binding", value["socket"])),
                owner=Owner(*value["owner"]) if "owner" in value else None,
                limits=ProcessLimits(**value.get("limits", {})),
                mark=mark,
                environment=value["environment"],
                token=value.get("token"),
            )
            server.take_socket()
            found.append(server)
        for output in home.servers.glob("*.log"):
            # Of a server whose agent was killed before it wrote the record.
            if not output.with_suffix(".json").exists():
                output.unlink(missing_ok=True)
        return found

    def start(self, program: Program, owner: Owner, sandbox: Sandbox, beat_seconds: float) -> None:
        """Start the process, and send it a heartbeat every ``beat_seconds``.

        Raises:
            OSError: the program cannot be started.
        """
        self.owner = owner
        self.limits = program.limits
        sandbox.give_new(self.binding.parent, owner)
        program = replace(program, umask=self.umask, written=(self.binding.parent,))
        with (
            self._output.open() as output,
            sandbox.around(self.process_name, owner, program) as start,
        ):
            self._process, self.mark = start_leader(start, output)
        write_json(
            self.record,
            {
                "deployment": self.id.deployment,
                "location": self.id.location,
                "socket": self.id.socket,
                "binding": str(self.binding),
                "owner": [owner.kind, owner.name],
                "limits": self.limits.as_json(),
                "environment": self.environment,
                "token": self.token,
                "pid": self.mark.pid,
                "started": self.mark.started,
            },
        )
        name = f"code-{self.id.handle[:8]}"
        threading.Thread(target=self._follow, name=f"{name}-output", daemon=True).start()
        threading.Thread(
            target=self._beat, args=(beat_seconds,), name=f"{name}-beat", daemon=True
        ).start()

    @property
    def process_name(self) -> str:
        """The name of its process in the sandbox."""
        return f"server-{self.id.handle}"

    def take_socket(self) -> None:
        """Take the socket out of sight, once the server listens on it.

        The kernel shows everybody where a socket was bound. Where locations have the same user,
        another one could ask this server in its own name.
        """
        if self.binding.is_socket():
            self.binding.parent.rename(Path(self.id.socket).parent)

    @property
    def has_ended(self) -> bool:
        """Whether there was a process, and it is gone."""
        if self._process is not None:
            return self._process.poll() is not None
        return self.mark is not None and not self.mark.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How the process ended, if that is known; negative is a signal."""
        return self._process.poll() if self._process is not None else None

    def how_it_ended(self, when: str = "") -> str:
        """A sentence on the end of a server that has ended.

        Args:
            when: more about it, such as `` before it answered``.
        """
        if self.over_limit:
            return f"Its code server was ended{when}: {self.over_limit}"
        code = self.exit_code
        if code is None:
            return f"Its code server ended{when}; the pool's agent was not there to see it."
        if code in _KILLED:
            return f"Its code server was killed{when}. {self.limits.perhaps_memory()}"
        return f"Its code server ended with code {code}{when}."

    def last_output(self) -> str:
        """The last lines that the server wrote."""
        return self._output.last_lines()

    def current_runs(self) -> list[str]:
        """The runs that are under way inside the server (not isolated ones).

        Raises:
            DagsterUserCodeUnreachableError: The server does not answer.
        """
        if self.mark is None or self.has_ended:
            return []
        answer = deserialize_value(self.id.client.get_current_runs(), GetCurrentRunsResult)
        return list(answer.current_runs)

    def ask_to_stop(self, now: float) -> None:
        """Ask the server to end; it ends the runs that it has first."""
        if self.stopping_since is not None:
            return
        self.stopping_since = now
        self._quiet.set()
        if self.mark is None or self.has_ended:
            return
        try:
            self.id.client.shutdown_server(timeout=5)
        except DagsterUserCodeUnreachableError:
            self.mark.kill()

    def end_for(self, reason: str) -> None:
        """End the server, which will be started again, and log why."""
        self.over_limit = reason
        where = f"{self.id.deployment}:{self.id.location}"
        logger.warning("[%s] The code server is ended: %s", where, reason)
        if self.mark is not None:
            self.mark.kill()

    def kill(self) -> None:
        """End the server and all that it started."""
        self._quiet.set()
        if self.mark is not None:
            self.mark.kill()
        if self._process is not None:
            self._process.wait()

    def forget(self, sandbox: Sandbox) -> None:
        """Remove what a server that has ended leaves: its record, output, socket and files."""
        self._quiet.set()
        forget_record(self.record)
        if self.owner is None:
            # Of a pool that had one folder for all sockets, or never started.
            Path(self.id.socket).unlink(missing_ok=True)
            return
        for place in (self.binding, Path(self.id.socket)):
            remove(place.parent)
        sandbox.end(self.owner, self.process_name)

    @property
    def _output(self) -> ServerOutput:
        return ServerOutput.of(self.record)

    def _follow(self) -> None:
        where, handle = f"{self.id.deployment}:{self.id.location}", self.id.handle

        def log(line: str) -> None:
            logger.info("[%s] %s", where, line)
            if self.logs is not None:
                self.logs.add(handle, line)

        if self.logs is not None:
            self.logs.begin(self.id.deployment, self.id.location, handle)
        self._output.follow(log, has_ended=lambda: self.has_ended)
        if self.logs is not None:
            self.logs.end(handle)

    def _beat(self, seconds: float) -> None:
        # A server that hears nothing ends by itself, so none outlives an agent that was killed.
        while not self._quiet.wait(seconds):
            try:
                self.id.client.heartbeat("ping")
            except DagsterUserCodeUnreachableError:
                continue
