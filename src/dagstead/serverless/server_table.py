"""The code servers of one agent process: those that serve, and those on their way out."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.serverless.code_server import CodeServer, ServerId
from dagstead.serverless.processes import Processes
from dagstead.serverless.sandbox.limit_watch import LimitedProcess
from dagstead.serverless.sockets import folder_for_sockets, socket_in

if TYPE_CHECKING:
    from typing import IO

    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.server_logs import LogSender

#: A server that was asked to stop has no runs any more, so it has nothing to wait for.
_STOP_SECONDS = 30.0
_LAST_STOP_SECONDS = 8.0
_POLL_SECONDS = 0.05
#: Tokens of servers that have ended are remembered until they are reported, which takes seconds.
_ENDED = 1000


class ServerTable:
    """All code servers of a pool. Safe to use from several threads."""

    def __init__(
        self, home: PoolHome, *, sandbox: Sandbox, umask: int, logs: LogSender | None = None
    ) -> None:
        """Take the folder, the walls, the umask, and who gets what servers print.

        :meth:`open` must come before all else.
        """
        self._logs = logs
        self._home = home
        self._sandbox = sandbox
        self._umask = umask
        self._servers: dict[str, CodeServer] = {}
        self._ended: deque[int] = deque(maxlen=_ENDED)
        self._guard = threading.Lock()
        self._lock_file: IO[str] | None = None
        self._sockets = home.servers

    def open(self) -> None:
        """Take the folder for this agent alone, and find the servers of the one before it.

        Raises:
            ConfigurationError: Another agent has the folder, or sockets have no place.
        """
        self._lock_file = self._home.take()
        self._home.clear_leftovers()
        self._sockets = folder_for_sockets(self._home.servers)
        self._sandbox.open_folders(self._sockets)
        with self._guard:
            for server in CodeServer.left_behind(self._home):
                self._servers[server.id.handle] = server
        if self._logs is not None:
            self._logs.start()

    def add(self, deployment: str, location: str) -> CodeServer:
        """A new server, not started yet."""
        handle = uuid4().hex
        server = CodeServer(
            id=ServerId(
                handle=handle,
                deployment=deployment,
                location=location,
                socket=str(socket_in(self._sockets, handle)),
            ),
            record=self._home.servers / f"{handle}.json",
            binding=socket_in(self._sockets, uuid4().hex),
            umask=self._umask,
            logs=self._logs,
        )
        with self._guard:
            self._servers[handle] = server
        return server

    def get(self, handle: str) -> CodeServer | None:
        """The server of that name, if it still is in the table."""
        with self._guard:
            return self._servers.get(handle)

    def serving(self, deployment: str | None = None, location: str | None = None) -> list[str]:
        """The names of the servers that were not asked to stop; of one location where named."""
        with self._guard:
            return [
                handle
                for handle, server in self._servers.items()
                if server.stopping_since is None
                and (deployment is None or server.id.deployment == deployment)
                and (location is None or server.id.location == location)
            ]

    def environments(self) -> set[str]:
        """The PEX environments that servers use."""
        with self._guard:
            return {server.environment for server in self._servers.values() if server.environment}

    def process_names(self) -> set[str]:
        """The names of the servers' processes in the sandbox."""
        with self._guard:
            return {server.process_name for server in self._servers.values()}

    def tenants(self) -> set[str]:
        """The folders of the servers' locations among those of the pool's tenants."""
        with self._guard:
            return {server.owner.folder for server in self._servers.values() if server.owner}

    def watched(self) -> list[LimitedProcess]:
        """The servers for whoever looks after their limits."""
        with self._guard:
            servers = list(self._servers.values())
        return [
            LimitedProcess(server.mark.pid, server.limits, server.end_for)
            for server in servers
            if server.mark is not None
        ]

    def processes(self) -> Processes:
        """The processes of the servers, and those that ended lately."""
        with self._guard:
            every, ended = list(self._servers.values()), frozenset(self._ended)
        held = {server.token: server.has_ended for server in every if server.token is not None}
        running = frozenset(token for token, has_ended in held.items() if not has_ended)
        return Processes(running=running, ended=ended | (held.keys() - running))

    def stop(self, handle: str) -> None:
        """Ask a server to stop; :meth:`tidy` finishes that."""
        server = self.get(handle)
        if server is not None:
            server.ask_to_stop(time.monotonic())

    def drop(self, handle: str) -> None:
        """End a server at once."""
        server = self.get(handle)
        if server is not None:
            server.kill()
            self._forget(server)

    def tidy(self) -> None:
        """Forget the servers that have stopped, and end those that should have by now."""
        with self._guard:
            stopping = [s for s in self._servers.values() if s.stopping_since is not None]
        for server in stopping:
            if server.mark is None or server.has_ended:
                self._forget(server)
            elif time.monotonic() - (server.stopping_since or 0.0) > _STOP_SECONDS:
                self.drop(server.id.handle)

    def close(self) -> None:
        """Stop all servers, waiting for them, and give the folder back."""
        for handle in self.serving():
            self.stop(handle)
        deadline = time.monotonic() + _LAST_STOP_SECONDS
        while time.monotonic() < deadline:
            self.tidy()
            with self._guard:
                if not self._servers:
                    break
            time.sleep(_POLL_SECONDS)  # noqa: TID251 - not all are children of this one
        with self._guard:
            left = list(self._servers)
        for handle in left:
            self.drop(handle)
        if self._logs is not None:
            self._logs.stop()
        if self._sockets != self._home.servers:
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock_file is not None:
            self._lock_file.close()

    def _forget(self, server: CodeServer) -> None:
        server.forget(self._sandbox)
        folder = Path(server.id.socket).parent.parent
        if folder not in {self._sockets, self._home.servers}:
            # An earlier agent made it. The last of its servers takes it away.
            with suppress(OSError):
                folder.rmdir()
        with self._guard:
            self._servers.pop(server.id.handle, None)
            if server.token is not None:
                self._ended.append(server.token)
