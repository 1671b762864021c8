"""The user code launcher of a pool on Docker: the official one, with what a pool needs besides."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from dagster._core.errors import DagsterUserCodeProcessError
from dagster._core.instance import DagsterInstance
from dagster._core.launcher.base import RunLauncher
from dagster._serdes import ConfigurableClassData
from dagster_cloud.workspace.docker import (
    DagsterDockerContainer,
    DockerUserCodeLauncher,
)
from dagster_cloud.workspace.docker.utils import (
    unique_docker_resource_name,
)
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    ServerEndpoint,
    UserCodeLauncherEntry,
)
from dagster_cloud.workspace.user_code_launcher.utils import (
    get_code_server_port,
)

from dagstead.errors import (
    ContainerError,
    DagsteadError,
    LoadInterruptedError,
)
from dagstead.serverless.agents_before import note_agent
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.configuration_schema import CONFIG_TYPE
from dagstead.serverless.docker.daemon import DOCKER_ERRORS
from dagstead.serverless.docker.first_answer import FirstAnswer, not_started
from dagstead.serverless.docker.images import require_code
from dagstead.serverless.docker.parts import DockerParts
from dagstead.serverless.docker.preparation import Preparation
from dagstead.serverless.docker.run_launcher import DockerPoolRunLauncher
from dagstead.serverless.docker.server_output import OutputFollower
from dagstead.serverless.docker.storage import open_storage
from dagstead.serverless.docker.way import Way
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.home import PoolHome
from dagstead.serverless.plain_servers import PlainServersLauncher
from dagstead.serverless.reports import load_error
from dagstead.serverless.server_logs import logs_sent_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

_LOOK_SECONDS = 5.0
_STOPPED_AT_ONCE = 8
#: How long images may hold up what is ready: when the pool has just started, and later.
_FIRST_SECONDS = 10.0
_READY_SECONDS = 0.5
_SWEEP_SECONDS = 600.0


class DockerPoolLauncher(  # type: ignore[misc]
    PlainServersLauncher[DagsterDockerContainer], DockerUserCodeLauncher
):
    """Runs code locations in containers.

    As with the other backend, the agent makes one that lives as long as itself, and short-lived
    ones, never started, of which it only wants :meth:`run_launcher`.
    """

    def __init__(
        self,
        *,
        configuration: LauncherConfiguration,
        inst_data: ConfigurableClassData | None = None,
        **official: Any,
    ) -> None:
        """Take our settings, and those that every official launcher has."""
        self._configuration = configuration
        self._home = PoolHome(root=configuration.home)
        assert configuration.docker is not None  # noqa: S101 - or another launcher is used
        self._choice: DockerChoice = configuration.docker
        self._next_look = 0.0
        self._next_sweep = 0.0
        #: The image of each location that was started.
        self._images: dict[tuple[str, str], str] = {}
        #: The locations that failed to load for reasons that pass.
        self._interrupted: set[tuple[str, str]] = set()
        self._logs = logs_sent_by(lambda: self._instance)
        self._preparation = Preparation(self._prepared, self._logs)
        super().__init__(  # type: ignore[no-untyped-call]
            inst_data=inst_data,
            networks=[self._choice.network],
            server_process_startup_timeout=configuration.server_start_seconds,
            **official,
        )

    # -- The form that dagster.yaml wants ------------------------------------------------------

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
    def _parts(self) -> DockerParts:
        # Only now is there an instance.
        return DockerParts(
            configuration=self._configuration,
            choice=self._choice,
            home=self._home,
            instance=self._instance,
            environment=os.environ,
            stop=self._reconcile_grpc_metadata_shutdown_event,
        )

    @cached_property
    def _output(self) -> OutputFollower:
        return OutputFollower(logs=self._logs, stop=self._reconcile_grpc_metadata_shutdown_event)

    def run_launcher(self) -> RunLauncher[DagsterInstance]:
        """The launcher of isolated runs."""
        launcher = DockerPoolRunLauncher(self._parts.run_parts)
        launcher.register_instance(self._instance)
        return launcher

    # -- Starting and stopping -----------------------------------------------------------------

    def start(
        self,
        run_reconcile_thread: bool = True,  # noqa: FBT001, FBT002 - upstream's
        run_metrics_thread: bool = True,  # noqa: FBT001, FBT002 - upstream's
    ) -> None:
        """Take the pool's folder, then do what every launcher does."""
        self._taken = self._home.take()
        self._home.clear_leftovers()
        note_agent(self._home, self._instance.instance_uuid)
        self._way.open()
        self._parts.token_keeper.start()
        self._logs.start()
        super().start(  # type: ignore[no-untyped-call]
            run_reconcile_thread=run_reconcile_thread, run_metrics_thread=run_metrics_thread
        )

    @cached_property
    def _way(self) -> Way:
        return Way(choice=self._choice, url=self._instance.dagster_cloud_url)

    def __exit__(self, *exception: object) -> None:
        """Stop all code servers, and the runs where this is wanted."""
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        if not self._started:
            return
        self._logs.stop()
        try:
            if self._configuration.stop_runs_on_exit:
                self._parts.ends.stop_all()
                self._way.close()
            self._parts.token_keeper.note(self._parts.containers.processes())
        except DOCKER_ERRORS as error:
            self._logger.warning("Docker does not answer, and what runs there goes on: %s", error)
        self._parts.token_keeper.stop()
        self._taken.close()

    def reconcile(self) -> None:
        """Bring the servers in line with what is deployed, then look after the containers."""
        super().reconcile()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            try:
                self._parts.token_keeper.note(self._parts.containers.processes())
                self._parts.ends.end_overdue()
                self._parts.ends.remove_old()
                self._load_interrupted()
                if now >= self._next_sweep:
                    self._next_sweep = now + _SWEEP_SECONDS
                    self._parts.sweep_volumes()
                    deployed = self._images.keys() & set(self._desired_entries or ())
                    self._parts.sweep_images({self._images[key] for key in deployed})
            except DOCKER_ERRORS as error:
                self._logger.warning("Docker does not answer: %s", error)

    # -- Code servers --------------------------------------------------------------------------

    def _reconcile(
        self,
        desired_entries: dict[tuple[str, str], UserCodeLauncherEntry],
        upload_locations: set[tuple[str, str]],
        *arguments: Any,
        **named: Any,
    ) -> None:
        """Bring the servers in line with what is deployed, as far as its images are ready."""
        # Requests are served after the first time: as many locations as can be should be there.
        seconds = _FIRST_SECONDS if self._reconcile_count == 0 else _READY_SECONDS
        unready = self._preparation.hold_back(desired_entries, self._actual_entries, seconds)
        later = upload_locations & unready
        upload_locations -= later
        with self._metadata_lock:
            self._upload_locations |= later
        super()._reconcile(desired_entries, upload_locations, *arguments, **named)

    def _prepared(
        self, deployment: str, location: str, data: CodeLocationDeployData
    ) -> CodeLocationDeployData:
        require_code(deployment, location, data)
        try:
            return self._parts.images.for_location(data)
        except DOCKER_ERRORS as error:
            raise not_started(error) from error

    def _start_new_server_spinup(
        self, deployment_name: str, location_name: str, desired_entry: UserCodeLauncherEntry
    ) -> DagsterCloudGrpcServer:
        try:
            data = self._preparation.take((deployment_name, location_name))
            return self._started_server(
                deployment_name, location_name, data, desired_entry.update_timestamp
            )
        except DOCKER_ERRORS as error:
            failure = not_started(error, self._images.get((deployment_name, location_name)))
            raise self._not_loaded(deployment_name, location_name, failure) from error
        except DagsteadError as error:
            raise self._not_loaded(deployment_name, location_name, error) from error

    def _started_server(
        self, deployment: str, location: str, data: CodeLocationDeployData, timestamp: float
    ) -> DagsterCloudGrpcServer:
        self._images[deployment, location] = str(data.image)
        start = self._parts.server_starts.start_of(deployment, location, data, timestamp)
        name = str(unique_docker_resource_name(deployment, location))  # type: ignore[no-untyped-call]
        container, _ = self._launch_container(
            deployment,
            location,
            container_name=name,
            hostname=name,
            grpc_port=get_code_server_port(),
            ports={},
            image=str(data.image),
            container_context=start.in_official_form(),
            command=data.get_grpc_server_command(metrics_enabled=self.code_server_metrics_enabled),
            additional_env={},
            labels=dict(start.labels),
        )
        self._output.begin(deployment, location, container.id)
        return DagsterCloudGrpcServer(
            DagsterDockerContainer(container), self._parts.handles.endpoint(container), data
        )

    def _launch_container(self, *arguments: Any, **named: Any) -> Any:
        try:
            return super()._launch_container(*arguments, **named)
        except DOCKER_ERRORS:
            # One that cannot be started is there already.
            with suppress(*DOCKER_ERRORS):
                self._parts.containers.remove(named["container_name"])
            raise

    def _create_container(self, *arguments: Any, **named: Any) -> Any:
        container = super()._create_container(*arguments, **named)  # type: ignore[no-untyped-call]
        open_storage(container)
        return container

    async def _wait_for_new_server_ready(
        self,
        deployment_name: str,
        location_name: str,
        user_code_launcher_entry: UserCodeLauncherEntry,  # noqa: ARG002 - upstream's
        server_handle: DagsterDockerContainer,
        server_endpoint: ServerEndpoint,
    ) -> None:
        client, container = server_endpoint.create_client(), str(server_handle)
        first = FirstAnswer(
            containers=self._parts.containers,
            container=container,
            image=str(server_handle.container.attrs["Config"]["Image"]),
            seconds=self._server_process_startup_timeout,
        )
        try:
            await first.wait(client)
            # Raises when the user's code cannot be imported, with the user's own traceback.
            await self.gen_list_repositories_response(client)
        except Exception as error:
            known = error if isinstance(error, ContainerError) else None
            failure = known or await asyncio.to_thread(first.end_in_a_question)
            await asyncio.to_thread(self._drop, container)
            if failure is None:
                raise
            raise self._not_loaded(deployment_name, location_name, failure) from error

    def _drop(self, container: str) -> None:
        try:
            self._parts.containers.signal(container, "SIGKILL")
            self._output.finish(container)
            self._parts.containers.remove(container)
        except DOCKER_ERRORS as error:
            # The next code server of the location takes its place, and removes it.
            self._logger.warning("Container %s could not be removed: %s", container, error)

    def _not_loaded(
        self, deployment: str, location: str, error: DagsteadError
    ) -> DagsterUserCodeProcessError:
        if isinstance(error, LoadInterruptedError):
            self._interrupted.add((deployment, location))
        return load_error(deployment, location, error)

    def _load_interrupted(self) -> None:
        """Load again what could not be loaded while Docker was away."""
        interrupted, self._interrupted = self._interrupted, set()
        with self._metadata_lock:
            self._upload_locations |= interrupted & set(self._desired_entries or ())
        for key in interrupted & set(self._actual_entries):
            self._trigger_recovery_server_restart(key)

    def _has_ended(self, server_handle: DagsterDockerContainer) -> bool:
        try:
            return self._parts.handles.has_ended(server_handle)
        except DOCKER_ERRORS:
            # Unknown. It may well answer: containers can run on without their daemon.
            return False

    def _how_it_ended(self, server_handle: DagsterDockerContainer) -> str:
        return self._parts.handles.how_it_ended(server_handle)

    def _list_server_handles(self) -> list[DagsterDockerContainer]:
        return self._parts.handles.listed()

    def _get_standalone_dagster_server_handles_for_location(
        self, deployment_name: str, location_name: str
    ) -> list[DagsterDockerContainer]:
        try:
            return self._parts.handles.listed(deployment_name, location_name)
        except DOCKER_ERRORS as error:
            raise self._not_loaded(deployment_name, location_name, not_started(error)) from error

    def _graceful_cleanup_servers(
        self,
        include_own_servers: bool,  # noqa: FBT001 - upstream's
    ) -> None:
        # All servers of this pool are this agent's, or of one before it, which has ended.
        if not include_own_servers:
            return
        try:
            handles = self._list_server_handles()
        except DOCKER_ERRORS as error:
            self._logger.warning(
                "Docker does not answer: %s. The next pool of this folder removes the code servers "
                "that are left.",
                error,
            )
            return
        with ThreadPoolExecutor(_STOPPED_AT_ONCE) as executor:
            list(executor.map(self._graceful_remove_server_handle, handles))

    def _graceful_remove_server_handle(self, server_handle: DagsterDockerContainer) -> None:
        try:
            super()._graceful_remove_server_handle(server_handle)
        except DOCKER_ERRORS as error:
            self._logger.warning(
                "The container %s of a code server is removed later: %s", server_handle, error
            )
            with self._grpc_servers_lock:
                self._pending_delete_grpc_server_handles.add(server_handle)

    def _remove_server_handle(self, server_handle: DagsterDockerContainer) -> None:
        self._parts.containers.stop(str(server_handle))
        self._parts.containers.remove(str(server_handle))

    @property
    def supports_get_current_runs_for_server_handle(self) -> bool:
        """Yes: a server with runs is stopped only after them, and runs of a dead one are seen."""
        return True

    def get_current_runs_for_server_handle(
        self, server_handle: DagsterDockerContainer
    ) -> Sequence[str]:
        """The runs inside a server.

        Raises:
            DagsterUserCodeUnreachableError: The server does not answer.
        """
        return self._parts.handles.current_runs(server_handle)
