"""Reports of agents on the locations that they load."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.plane.deployments import Deployment
from dagstead.plane.releases import Outcome


@dataclass(frozen=True, slots=True)
class LoadReports:
    """Acts of agents. Reports about older deploys than the newest one do not count."""

    _backend: Backend

    def loaded(
        self, actor: Actor, deployment: Deployment, location: str, *, deploy_id: str, manifest: str
    ) -> bool:
        """Keep uploaded definitions; they go live when those of the whole release have arrived.

        Args:
            actor: the agent.
            deployment: of the location.
            location: its name.
            deploy_id: the deploy that was loaded.
            manifest: a serialized ``DagsterCloudCodeLocationManifest``.

        Returns:
            Whether the report counted.
        """
        actor.require_agent(deployment)
        outcome = self._backend.store.releases.set_loaded(
            deployment.name, location, deploy_id=deploy_id, manifest=manifest
        )
        return self._published(deployment, outcome)

    def failed(
        self,
        actor: Actor,
        deployment: Deployment,
        location: str,
        *,
        deploy_id: str | None,
        error: str,
    ) -> bool:
        """Record that a location cannot be loaded: its release goes back to the live version.

        Args:
            actor: the agent.
            deployment: of the location.
            location: its name.
            deploy_id: the deploy that failed; ``None`` when the agent did not report it.
            error: a serialized ``SerializableErrorInfo``.

        Returns:
            Whether the report counted.
        """
        actor.require_agent(deployment)
        outcome = self._backend.store.releases.set_failed(
            deployment.name, location, deploy_id=deploy_id, error=error
        )
        return self._published(deployment, outcome)

    def _published(self, deployment: Deployment, outcome: Outcome) -> bool:
        change = Change(
            deployment=deployment,
            queues=outcome.queues,
            releases=outcome.counted,
            locations=outcome.counted,
        )
        publish(self._backend, change)
        return outcome.counted
