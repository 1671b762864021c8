"""What agents report of locations that they were to load."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.publishing import Change, publish
from dagstead.plane.deployments import Deployment
from dagstead.plane.releases import Outcome


@dataclass(frozen=True, slots=True)
class Loading:
    """Acts of agents. Results of deploys that are no longer the newest do not count."""

    _backend: Backend

    def loaded(
        self, actor: Actor, deployment: Deployment, location: str, *, deploy_id: str, manifest: str
    ) -> bool:
        """Take in uploaded definitions; they go live when those of the whole release are there.

        Args:
            actor: the agent.
            deployment: whose location it is.
            location: its name.
            deploy_id: what was loaded.
            manifest: a serialized ``DagsterCloudCodeLocationManifest``.

        Returns:
            Whether it counted.
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
        """Record that a location cannot be loaded: its release goes back to what is live.

        Args:
            actor: the agent.
            deployment: whose location it is.
            location: its name.
            deploy_id: what was to be loaded; ``None`` when the agent did not say.
            error: a serialized ``SerializableErrorInfo``.

        Returns:
            Whether it counted.
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
