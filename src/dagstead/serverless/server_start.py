"""Starting a code server in its runtime, and waiting until it answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dagster_cloud.workspace.user_code_launcher.utils import get_grpc_server_env

from dagstead.errors import PexError
from dagstead.serverless.instance import with_own_logs
from dagstead.serverless.sandbox.limits import may_be_warm
from dagstead.serverless.warm.server import SERVER

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from dagster._core.instance.ref import InstanceRef
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

    from dagstead.serverless.code_server import CodeServer
    from dagstead.serverless.sandbox.limits import ProcessLimits
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.user_code import Runtime
    from dagstead.serverless.worker_tokens import WorkerTokens

_ANSWER_POLL_SECONDS = 0.25
#: Heartbeats in the time after which a server that hears none ends by itself.
_BEATS = 4


@dataclass(frozen=True, kw_only=True)
class ServerStarter:
    """How this pool starts its code servers."""

    #: What user code may see of the pool's environment.
    environment: Mapping[str, str]
    tokens: WorkerTokens
    #: How long a server has to answer.
    start_seconds: int
    #: A server that hears nothing from its agent for this long ends by itself.
    orphan_seconds: int
    metrics_enabled: bool
    sandbox: Sandbox
    #: The most that a server may have.
    limits: ProcessLimits
    #: Set when the pool is stopping.
    stop: threading.Event

    async def start(
        self,
        server: CodeServer,
        runtime: Runtime,
        data: CodeLocationDeployData,
        instance_ref: InstanceRef,
    ) -> None:
        """Start the server's process, with the environment that official agents give.

        Official agents give their own token, too; here every server has one of its own.

        Raises:
            PexError: The control plane gives no token for it.
        """
        # Where no working directory is named, Dagster would put an absolute path into each origin;
        # a relative one is right in every environment of the location.
        directory = data.working_directory or ("." if runtime.environment else None)
        data = data._replace(executable_path=str(runtime.python), working_directory=directory)
        deployment, location = server.id.deployment, server.id.location
        owner = runtime.owner(deployment, location)
        server.environment = runtime.environment
        token = await asyncio.to_thread(self.tokens.for_server, deployment, location)
        server.token = token.id
        variables = {
            **runtime.variables(self.environment),
            **{name: str(value) for name, value in data.cloud_context_env.items()},
            **get_grpc_server_env(
                data,
                port=None,
                location_name=location,
                instance_ref=with_own_logs(instance_ref, self.sandbox.folder_of(owner)),
                socket=str(server.binding),
            ),
        }
        program = runtime.program(
            [
                *self._command(data),
                *("--heartbeat", "--heartbeat-timeout", str(self.orphan_seconds)),
            ],
            token.given_to(variables),
            deployment=deployment,
            limits=self.limits.chosen_by(data.container_context),
        )
        program = replace(program, read=(*program.read, SERVER))
        try:
            server.start(program, owner, self.sandbox, self.orphan_seconds / _BEATS)
        except OSError as error:
            msg = f"Its code server could not be started: {error}. Look at the pool's log."
            raise PexError(msg) from error

    def _command(self, data: CodeLocationDeployData) -> list[str]:
        python, *words = data.get_grpc_server_command(metrics_enabled=self.metrics_enabled)
        if not may_be_warm(data.container_context):
            return [python, *words]
        _, _, *arguments = words
        return [python, str(SERVER), *arguments]

    async def until_it_answers(self, server: CodeServer) -> None:
        """Wait for the first answer.

        Raises:
            PexError: The process ended, time ran out, or the pool is stopping.
        """
        deadline = time.monotonic() + self.start_seconds
        client = server.id.client
        while True:
            server.take_socket()
            try:
                await asyncio.to_thread(client.ping, "")
            except Exception as error:
                problem = self._why_give_up(server, deadline)
                if problem:
                    raise PexError(problem) from error
            else:
                return
            await asyncio.sleep(_ANSWER_POLL_SECONDS)

    def _why_give_up(self, server: CodeServer, deadline: float) -> str | None:
        if server.has_ended:
            reason = server.how_it_ended(" before it answered")
        elif self.stop.is_set():
            reason = "The pool is stopping."
        elif time.monotonic() > deadline:
            reason = (
                f"Its code server gave no answer for {self.start_seconds} seconds. If it needs "
                "longer to start, raise DAGSTEAD_POOL_START_SECONDS and start the pool again."
            )
        else:
            return None
        return _with_output(reason, server)

    def end_in_a_question(self, server: CodeServer) -> PexError | None:
        """Why a server that had answered ended while it was asked; ``None`` while it runs."""
        if self.stop.is_set() or not server.has_ended:
            return None
        reason = server.how_it_ended(" while it listed its definitions")
        return PexError(_with_output(reason, server))


def _with_output(reason: str, server: CodeServer) -> str:
    return f"{reason} Its last lines:\n{server.last_output()}"
