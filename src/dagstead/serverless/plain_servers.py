"""The official base launcher, as every backend of the pool needs it.

Without multipex servers, with the answers that never change, and with a server started again as
soon as it is known to be gone.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dagster._core.launcher.base import WorkerStatus
from dagster_cloud.api.dagster_cloud_api import UserCodeDeploymentType
from dagster_cloud.execution.monitoring import (
    CloudRunWorkerStatuses,
    start_run_worker_monitoring_thread,
)
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    DagsterCloudUserCodeLauncher,
    ServerEndpoint,
    UserCodeLauncherEntry,
)

from dagstead.errors import CodeServerError
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.reports import error_information

if TYPE_CHECKING:
    from collections.abc import Collection

    from dagster_cloud.execution.monitoring import CloudContainerResourceLimits
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

    from dagstead.serverless.server_logs import LogSender

Handle = TypeVar("Handle")


class PlainServersLauncher(DagsterCloudUserCodeLauncher[Handle], Generic[Handle]):
    """Gives every location, with a PEX or without, a code server of its own.

    Upstream puts one more process, the "multipex" server, between the agent and the code servers of
    PEX locations. Here upstream finds that this server is always there, and never gets to use
    it.
    """

    _configuration: LauncherConfiguration
    _logs: LogSender

    @abstractmethod
    def _has_ended(self, server_handle: Handle) -> bool:
        """Whether a server is gone; it does not matter why."""

    @abstractmethod
    def _how_it_ended(self, server_handle: Handle) -> str:
        """A sentence on the end of a server that is gone."""

    def _refresh_actual_entries(self, *arguments: Any) -> None:
        # Upstream gives a silent server minutes to come back. One whose process is gone does not.
        with self._grpc_servers_lock:
            handles = {
                key: server.server_handle
                for key, server in self._grpc_servers.items()
                if isinstance(server, DagsterCloudGrpcServer)
            }
        for key, handle in handles.items():
            if key in self._actual_entries and self._has_ended(handle):
                self._start_another(key, self._how_it_ended(handle))
        super()._refresh_actual_entries(*arguments)

    def _start_another(self, key: tuple[str, str], reason: str) -> None:
        """Start the code server of a location again, and say why to whoever asks or reads."""
        self._logger.warning("[%s:%s] %s Starting another.", *key, reason)
        self._logs.explain_next(*key, f"The code server before this one is gone. {reason}")
        with self._grpc_servers_lock:
            # What asks until then is answered with this, in place of an address where nobody is.
            self._grpc_servers[key] = error_information(*key, CodeServerError(reason))
        self._trigger_recovery_server_restart(key)

    @property
    def _is_stopping(self) -> bool:
        return self._reconcile_grpc_metadata_shutdown_event.is_set()

    async def _try_update_location_data(self, *arguments: Any) -> None:
        # What goes wrong because the pool is being stopped is not an error of the location. It
        # stays "loading", and the next agent uploads it.
        if not self._is_stopping:
            await super()._try_update_location_data(*arguments)

    def _start_run_worker_monitoring(self) -> None:
        thread, shutdown = start_run_worker_monitoring_thread(
            self._instance,
            self._run_worker_deployments_to_check,
            self._run_worker_statuses_dict,
            self._run_worker_monitoring_lock,
            self._configuration.run_check_seconds,
        )
        # Upstream's own types say that these are always None.
        self._run_worker_monitoring_thread = thread  # type: ignore[assignment]
        self._run_worker_monitoring_thread_shutdown_event = shutdown  # type: ignore[assignment]

    def get_cloud_run_worker_statuses(
        self, deployment_names: Collection[str]
    ) -> dict[str, CloudRunWorkerStatuses]:
        """What a heartbeat says about run workers: nothing about those of other agents."""
        statuses: dict[str, CloudRunWorkerStatuses]
        statuses = super().get_cloud_run_worker_statuses(deployment_names)  # type: ignore[no-untyped-call]
        return {
            deployment: value._replace(
                statuses=[s for s in value.statuses if s.status_type != WorkerStatus.UNKNOWN]
            )
            for deployment, value in statuses.items()
        }

    def _get_multipex_server_handles_for_location(
        self,
        deployment_name: str,  # noqa: ARG002 - upstream's
        location_name: str,  # noqa: ARG002 - upstream's
    ) -> list[Handle]:
        return []

    def _get_multipex_server(
        self,
        deployment_name: str,  # noqa: ARG002 - upstream's
        location_name: str,  # noqa: ARG002 - upstream's
        code_location_deploy_data: CodeLocationDeployData,
    ) -> DagsterCloudGrpcServer | None:
        if not code_location_deploy_data.pex_metadata:
            return None
        nowhere = ServerEndpoint("localhost", None, "/dev/null")  # type: ignore[no-untyped-call]
        return DagsterCloudGrpcServer(None, nowhere, code_location_deploy_data)

    def _check_running_multipex_server(self, multipex_server: DagsterCloudGrpcServer) -> None:
        pass

    def _start_new_dagster_server(
        self, deployment_name: str, location_name: str, desired_entry: UserCodeLauncherEntry
    ) -> DagsterCloudGrpcServer:
        return self._start_new_server_spinup(deployment_name, location_name, desired_entry)

    @property
    def requires_images(self) -> bool:
        """No."""
        return False

    def _check_for_image(self, metadata: CodeLocationDeployData) -> None:
        """Nothing: subclasses check when they start a server, and there know the location."""

    @property
    def user_code_deployment_type(self) -> UserCodeDeploymentType:
        """What the agent's metrics are filed under."""
        return UserCodeDeploymentType.SERVERLESS

    def supports_in_place_pin_reload(
        self,
        key: tuple[str, str],  # noqa: ARG002 - upstream's
        desired_entry: UserCodeLauncherEntry,  # noqa: ARG002 - upstream's
    ) -> bool:
        """Yes: a server that dies is started again by us, with what is deployed then."""
        return True

    def get_agent_id_for_server(self, handle: Handle) -> str | None:  # noqa: ARG002 - upstream's
        """All servers are this agent's."""
        return self._instance.instance_uuid

    def get_server_create_timestamp(self, handle: Handle) -> float | None:  # noqa: ARG002 - upstream's
        """Not needed: upstream asks it about other agents' servers, and sees none of those."""
        return None

    def get_code_server_resource_limits(
        self,
        deployment_name: str,  # noqa: ARG002 - upstream's
        location_name: str,  # noqa: ARG002 - upstream's
    ) -> CloudContainerResourceLimits:
        """There are none."""
        return {}
