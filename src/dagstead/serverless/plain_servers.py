"""The official base launcher, without multipex servers and with the answers that never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_cloud.api.dagster_cloud_api import UserCodeDeploymentType
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    DagsterCloudUserCodeLauncher,
    ServerEndpoint,
    UserCodeLauncherEntry,
)

if TYPE_CHECKING:
    from dagster_cloud.execution.monitoring import CloudContainerResourceLimits
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData


class PlainServersLauncher(DagsterCloudUserCodeLauncher[str]):
    """Gives every location, with a PEX or without, a code server of its own.

    Upstream puts one more process, the "multipex" server, between the agent and the code servers of
    PEX locations. Here upstream finds that this server is always there, and never gets to use
    it.
    """

    def _get_multipex_server(
        self,
        deployment_name: str,  # noqa: ARG002 - upstream's
        location_name: str,  # noqa: ARG002 - upstream's
        code_location_deploy_data: CodeLocationDeployData,
    ) -> DagsterCloudGrpcServer | None:
        if not code_location_deploy_data.pex_metadata:
            return None
        nowhere = ServerEndpoint("localhost", None, "/dev/null")  # type: ignore[no-untyped-call]
        return DagsterCloudGrpcServer("", nowhere, code_location_deploy_data)

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

    def get_agent_id_for_server(self, handle: str) -> str | None:  # noqa: ARG002 - upstream's
        """All servers are this agent's."""
        return self._instance.instance_uuid

    def get_server_create_timestamp(self, handle: str) -> float | None:  # noqa: ARG002 - upstream's
        """Not needed: upstream asks it about other agents' servers, and sees none of those."""
        return None

    def get_code_server_resource_limits(
        self,
        deployment_name: str,  # noqa: ARG002 - upstream's
        location_name: str,  # noqa: ARG002 - upstream's
    ) -> CloudContainerResourceLimits:
        """There are none."""
        return {}
