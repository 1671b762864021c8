"""Code locations of Dagster, made from the definitions that agents have uploaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagster import DagsterInstance
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest

from dagstead.control.actor import SYSTEM
from dagstead.engine.calls import AgentCalls
from dagstead.engine.code_location import AgentCodeLocation
from dagstead.engine.queue_client import Target
from dagstead.plane.deployments import Deployment


@dataclass(frozen=True, slots=True)
class StoredDefinitions:
    """Reads the definitions of all deployments."""

    calls: AgentCalls
    instance_of: Callable[[Deployment], DagsterInstance]

    def location(
        self,
        deployment: Deployment,
        name: str,
        manifest: str,
        *,
        deploy_id: str | None = None,
        for_daemons: bool = False,
    ) -> AgentCodeLocation:
        """A location with these definitions.

        Args:
            deployment: whose it is.
            name: of the location.
            manifest: names the definitions: a packed ``DagsterCloudCodeLocationManifest``.
            deploy_id: of the deploy that they are from.
            for_daemons: whether schedules and sensors of it are evaluated.

        Raises:
            BlobNotFoundError: when they are not stored any more.
        """
        return AgentCodeLocation(
            target=Target(self.calls, deployment, name),
            deploy_id=str(deploy_id),
            manifest=deserialize_value(manifest, DagsterCloudCodeLocationManifest),
            snapshots=self.calls.control.files.snapshots(SYSTEM, deployment),
            instance=self.instance_of(deployment),
            for_daemons=for_daemons,
        )
