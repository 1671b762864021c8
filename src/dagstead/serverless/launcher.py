"""The user code launcher of the pool's agent.

Each PEX location gets a code server of its own, straight from its environment, like any other
location of the official process launcher. So several deploys within a second cannot be mistaken for
one another, locations cannot clean up each other's files, and a code server that dies is seen at
once: none of which holds with upstream's "multipex" servers.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self

from dagster._core.instance import DagsterInstance
from dagster._core.launcher.base import RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    ServerEndpoint,
    UserCodeLauncherEntry,
)

from dagstead.errors import PexError, UnservableLocationError
from dagstead.serverless.agents_before import note_agent
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.configuration_schema import CONFIG_TYPE
from dagstead.serverless.environ import user_code_environment
from dagstead.serverless.home import PoolHome
from dagstead.serverless.parts import PoolParts
from dagstead.serverless.plain_servers import PlainServersLauncher
from dagstead.serverless.reports import load_error, report_canceled, report_stop
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.sandbox.limit_watch import LimitedProcess, watch_limits
from dagstead.serverless.sandbox.loopback import port_of
from dagstead.serverless.sandbox.own_process import close_to_others
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.server_logs import logs_sent_by
from dagstead.serverless.server_table import ServerTable
from dagstead.serverless.shutdown import kill_overdue, stop_all_runs
from dagstead.serverless.worker_tokens import processes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


_CANCEL_CHECK_SECONDS = 5.0
_SWEEP_SECONDS = 600.0


class PexUserCodeLauncher(PlainServersLauncher[str], ConfigurableClass):
    """Runs code locations from PEX files, as processes of this machine.

    The agent makes one that lives as long as itself and is started, and short-lived ones, never
    started, of which it only wants :meth:`run_launcher`. Making one must therefore cost nothing.
    """

    def __init__(
        self,
        *,
        configuration: LauncherConfiguration,
        inst_data: ConfigurableClassData | None = None,
        **official: Any,
    ) -> None:
        """Take our settings, and those that every official launcher has."""
        self._inst_data = inst_data
        self._configuration = configuration
        self._home = PoolHome(root=configuration.home)
        umask = configuration.user_code_umask
        self._records = RunRecords(home=self._home, clock=time.time, umask=umask)
        self._sandbox = Sandbox(
            home=self._home,
            walls=configuration.walls,
            hidden=configuration.hidden,
            machine_read=configuration.machine_read,
            machine_written=configuration.machine_written,
        )
        self._logs = logs_sent_by(lambda: self._instance)
        self._table = ServerTable(self._home, sandbox=self._sandbox, umask=umask, logs=self._logs)
        self._code_environment = user_code_environment(os.environ, configuration.pass_environment)
        self._next_cancel_check = 0.0
        self._next_sweep = 0.0
        super().__init__(
            server_process_startup_timeout=configuration.server_start_seconds, **official
        )

    # -- The form that dagster.yaml wants ------------------------------------------------------

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Where the launcher was configured."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The schema of the launcher's configuration."""
        return CONFIG_TYPE

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make one from a configuration that was checked against the schema."""
        official = dict(config_value)
        configuration = LauncherConfiguration.from_yaml(official.pop("pool"))
        return cls(configuration=configuration, inst_data=inst_data, **official)

    @cached_property
    def _parts(self) -> PoolParts:
        # Only now is there an instance.
        return PoolParts(
            configuration=self._configuration,
            home=self._home,
            records=self._records,
            sandbox=self._sandbox,
            table=self._table,
            code_environment=self._code_environment,
            instance=self._instance,
            stop=self._reconcile_grpc_metadata_shutdown_event,
            logger=self._logger,
            metrics_enabled=self.code_server_metrics_enabled,
        )

    def run_launcher(self) -> RunLauncher[DagsterInstance]:
        """The launcher of isolated runs."""
        return self._parts.run_launcher()

    # -- Starting and stopping -----------------------------------------------------------------

    def start(
        self,
        run_reconcile_thread: bool = True,  # noqa: FBT001, FBT002 - upstream's
        run_metrics_thread: bool = True,  # noqa: FBT001, FBT002 - upstream's
    ) -> None:
        """Take the pool's folder, then do what every launcher does."""
        close_to_others()
        self._table.open()
        self._sandbox.sweep({*self._table.process_names(), *self._records.process_names()})
        self._sandbox.close_loopback(port_of(self._instance.dagster_cloud_url))
        note_agent(self._home, self._instance.instance_uuid)
        self._parts.token_keeper.start()
        super().start(  # type: ignore[no-untyped-call]
            run_reconcile_thread=run_reconcile_thread, run_metrics_thread=run_metrics_thread
        )
        if self._sandbox.cgroups is None:
            watch_limits(self._watched, self._reconcile_grpc_metadata_shutdown_event)

    def _watched(self) -> list[LimitedProcess]:
        return [*self._table.watched(), *self._records.watched()]

    def __exit__(self, *exception: object) -> None:
        """Stop all code servers, and the runs where this is wanted."""
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        if not self._started:
            return
        self._parts.warm.standbys.close()
        self._table.close()
        if self._configuration.stop_runs_on_exit:
            stop_all_runs(self._records, partial(report_stop, self._instance))
            self._sandbox.open_loopback()
        self._parts.token_keeper.note(processes_of(self._table.processes(), self._records.all()))
        self._parts.token_keeper.stop()

    def reconcile(self) -> None:
        """Bring the servers in line with what is deployed, then clean up behind them."""
        super().reconcile()
        self._table.tidy()
        self._parts.warm.standbys.look()
        now = time.monotonic()
        if now >= self._next_cancel_check:
            self._next_cancel_check = now + _CANCEL_CHECK_SECONDS
            workers = self._records.all()
            self._parts.token_keeper.note(processes_of(self._table.processes(), workers))
            kill_overdue(
                [worker for worker in workers if worker.is_alive],
                now=time.time(),
                grace_seconds=self._configuration.termination_grace_seconds,
                report=partial(report_canceled, self._instance),
            )
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            self._parts.broom.sweep()

    # -- Code servers --------------------------------------------------------------------------

    def _start_new_server_spinup(
        self, deployment_name: str, location_name: str, desired_entry: UserCodeLauncherEntry
    ) -> DagsterCloudGrpcServer:
        # The process itself is started while upstream waits for the server: making its
        # environment can take minutes, and there all locations are waited for together.
        data = desired_entry.code_location_deploy_data
        try:
            self._parts.user_code.check(deployment_name, location_name, data)
        except (PexError, UnservableLocationError) as error:
            raise load_error(deployment_name, location_name, error) from error
        server = self._table.add(deployment_name, location_name)
        return DagsterCloudGrpcServer(server.id.handle, server.id.endpoint, data)

    async def _wait_for_new_server_ready(
        self,
        deployment_name: str,
        location_name: str,
        desired_entry: UserCodeLauncherEntry,
        server_handle: str,
        server_endpoint: ServerEndpoint,
    ) -> None:
        server = self._table.get(server_handle)
        if server is None:
            msg = f"Code server {server_handle} was stopped before it started."
            raise PexError(msg)
        data = desired_entry.code_location_deploy_data
        try:
            runtime = await asyncio.to_thread(self._parts.user_code.for_location, data)
            reference = self._instance.ref_for_deployment(deployment_name)
            await self._parts.starter.start(server, runtime, data, reference)
            await self._parts.starter.until_it_answers(server)
            # Raises when the user's code cannot be imported, with the user's own traceback.
            await self.gen_list_repositories_response(server_endpoint.create_client())
            self._parts.compiler.compile_later(runtime.python, runtime.trees)
        except (PexError, UnservableLocationError) as error:
            await asyncio.to_thread(self._table.drop, server_handle)
            raise load_error(deployment_name, location_name, error) from error
        except BaseException as error:
            failure = self._parts.starter.end_in_a_question(server)
            await asyncio.to_thread(self._table.drop, server_handle)
            if failure is not None:
                raise load_error(deployment_name, location_name, failure) from error
            raise

    def _has_ended(self, server_handle: str) -> bool:
        server = self._table.get(server_handle)
        return server is None or server.has_ended

    def _how_it_ended(self, server_handle: str) -> str:
        server = self._table.get(server_handle)
        return "Its code server was stopped." if server is None else server.how_it_ended()

    def _remove_server_handle(self, server_handle: str) -> None:
        self._table.stop(server_handle)

    def _list_server_handles(self) -> list[str]:
        return self._table.serving()

    def _get_standalone_dagster_server_handles_for_location(
        self, deployment_name: str, location_name: str
    ) -> Collection[str]:
        return self._table.serving(deployment_name, location_name)

    def _graceful_cleanup_servers(
        self,
        include_own_servers: bool,  # noqa: FBT001 - upstream's
    ) -> None:
        # The table holds this agent's servers, and those of the agent before it in this folder;
        # there are no others that one could see from here.
        if include_own_servers:
            for handle in self._table.serving():
                self._graceful_remove_server_handle(handle)

    @property
    def supports_get_current_runs_for_server_handle(self) -> bool:
        """Yes: a server with runs is stopped only after them, and runs of a dead one are seen."""
        return True

    def get_current_runs_for_server_handle(self, server_handle: str) -> Sequence[str]:
        """The runs inside a server.

        Raises:
            DagsterUserCodeUnreachableError: The server does not answer.
        """
        server = self._table.get(server_handle)
        return server.current_runs() if server else []
