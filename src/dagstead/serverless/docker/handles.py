"""Code servers in containers, in the form that the official launcher has them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import deserialize_value
from dagster_cloud.workspace.docker import DagsterDockerContainer
from dagster_cloud.workspace.docker.utils import docker_client_from_env
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import ServerEndpoint
from dagster_cloud.workspace.user_code_launcher.utils import get_code_server_port

from dagstead.serverless.docker.daemon import DOCKER_ERRORS
from dagstead.serverless.docker.endpoint import ContainerEndpoint

if TYPE_CHECKING:
    from dagstead.serverless.docker.containers import PoolContainers


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerHandles:
    """The code servers of a pool. Methods raise Docker's errors when the daemon is away."""

    containers: PoolContainers
    network: str
    #: The control plane's address, as containers reach it.
    url: str

    def listed(
        self, deployment: str | None = None, location: str | None = None
    ) -> list[DagsterDockerContainer]:
        """All of them, those that have ended too; of a deployment and a location where named."""
        client = docker_client_from_env()
        found = []
        for each in self.containers.servers(deployment, location):
            try:
                found.append(DagsterDockerContainer(client.containers.get(each.id)))
            except docker.errors.NotFound:
                continue
        return found

    def has_ended(self, handle: DagsterDockerContainer) -> bool:
        """Whether a server does not run any more."""
        running = {each.id for each in self.containers.servers() if not each.has_ended}
        return str(handle) not in running

    def how_it_ended(self, handle: DagsterDockerContainer) -> str:
        """A sentence on the end of a server that has ended."""
        end = self.containers.how_it_ended(str(handle))
        return end.words("Its code server") if end else "Its container was removed by somebody."

    def endpoint(self, container: Any) -> ServerEndpoint:
        """Where a server answers: by its number, as its name is known to other containers only."""
        container.reload()
        return self._known_endpoint(container)

    def _known_endpoint(self, container: Any) -> ServerEndpoint:
        networks = container.attrs["NetworkSettings"]["Networks"]
        return ContainerEndpoint(
            host=networks[self.network]["IPAddress"], port=get_code_server_port(), url=self.url
        )

    def current_runs(self, handle: DagsterDockerContainer) -> list[str]:
        """The runs inside a server.

        Raises:
            DagsterUserCodeUnreachableError: The server does not answer.
        """
        # Containers can run on without their daemon, and then know of their runs.
        with suppress(*DOCKER_ERRORS):
            if self.has_ended(handle):
                return []
        client = self._known_endpoint(handle.container).create_client()
        return list(deserialize_value(client.get_current_runs(), GetCurrentRunsResult).current_runs)
