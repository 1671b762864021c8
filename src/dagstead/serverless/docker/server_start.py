"""What the container of a code server starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_cloud.workspace.docker import AGENT_LABEL, SERVER_TIMESTAMP_LABEL
from dagster_cloud.workspace.user_code_launcher.utils import (
    get_code_server_port,
    get_grpc_server_env,
)

from dagstead.serverless.docker import labels
from dagstead.serverless.docker.instance import for_containers
from dagstead.serverless.environ import TOKEN_VARIABLE

if TYPE_CHECKING:
    from dagster_cloud.instance import DagsterCloudAgentInstance
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

    from dagstead.serverless.docker.surroundings import ContainerStart, Surroundings
    from dagstead.serverless.worker_tokens import WorkerTokens


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerStarts:
    """The code servers of one agent."""

    instance: DagsterCloudAgentInstance
    tokens: WorkerTokens
    surroundings: Surroundings

    def start_of(
        self, deployment: str, location: str, data: CodeLocationDeployData, timestamp: float
    ) -> ContainerStart:
        """The start of a location's code server, with a token of its own.

        Args:
            deployment: of the location.
            location: its name.
            data: what is deployed, with its image.
            timestamp: when it was deployed.

        Raises:
            PexError: it gets no token.
        """
        token = self.tokens.for_server(deployment, location)
        reference = self.instance.ref_for_deployment(deployment)
        given = {
            **{name: str(value) for name, value in (data.cloud_context_env or {}).items()},
            **get_grpc_server_env(
                data,
                get_code_server_port(),
                location,
                for_containers(reference, self.surroundings.choice.url),
            ),
            TOKEN_VARIABLE: token.secret,
        }
        return self.surroundings.around(
            deployment,
            location,
            data.container_context,
            given,
            {
                labels.SERVER: "",
                labels.TOKEN: str(token.id),
                AGENT_LABEL: self.instance.instance_uuid,
                SERVER_TIMESTAMP_LABEL: str(timestamp),
            },
        )
