"""Reports of agents on the locations that they load."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import tracing
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.control.locations import find_location, require_location
from dagstead.control.snapshots import Snapshots
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location
from dagstead.plane.releases import Outcome
from dagstead.plane.tallies import TallyKind


@dataclass(frozen=True, slots=True)
class LoadReports:
    """Acts of agents. Reports about older deploys than the newest one do not count."""

    _backend: Backend

    def snapshots(self, actor: Actor, deployment: Deployment, location: str) -> Snapshots:
        """Where the definitions and errors are stored that an agent reports of a location.

        Raises:
            ForbiddenError: when the agent may not serve the location, whether or not it exists.
        """
        actor.require_agent(deployment)
        require_location(self._backend, actor, deployment, location)
        return Snapshots(self._backend.store.blobs, deployment.name)

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

        Raises:
            ForbiddenError: when the agent may not serve the location, whether or not it exists.
        """
        if not self._may_report(actor, deployment, location, deploy_id):
            return False
        before = self._traced(deployment, location)
        outcome = self._backend.store.releases.set_loaded(
            deployment.name, location, deploy_id=deploy_id, manifest=manifest
        )
        if outcome.counted:
            tracing.location_loaded(self._backend, deployment, before)
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

        Raises:
            ForbiddenError: when the agent may not serve the location, whether or not it exists.
        """
        if not self._may_report(actor, deployment, location, deploy_id):
            return False
        before = self._traced(deployment, location)
        outcome = self._backend.store.releases.set_failed(
            deployment.name, location, deploy_id=deploy_id, error=error
        )
        if outcome.counted:
            self._backend.store.tallies.tally.count(TallyKind.LOAD_ERRORS, deployment.name)
            tracing.location_loaded(self._backend, deployment, before, "It cannot be loaded.")
        return self._published(deployment, outcome)

    def _traced(self, deployment: Deployment, name: str) -> Location | None:
        """The location as it is, for its trace; ``None`` while nobody collects any."""
        if not self._backend.tracer.is_on:
            return None
        return find_location(self._backend, deployment, name)

    def _may_report(
        self, actor: Actor, deployment: Deployment, name: str, deploy_id: str | None
    ) -> bool:
        """Whether the deploy is on a queue of the agent's.

        A location that moves to another queue is with two agents for a while. Neither reports on
        the deploy that the other one runs.
        """
        actor.require_agent(deployment)
        if actor.serves_every_queue:
            return True
        location = find_location(self._backend, deployment, name)
        actor.require_location(deployment, name, location)
        return location is not None and actor.grants_queue(location.queue_of(deploy_id))

    def _published(self, deployment: Deployment, outcome: Outcome) -> bool:
        change = Change(
            deployment=deployment,
            queues=outcome.queues,
            releases=outcome.counted,
            locations=outcome.counted,
        )
        publish(self._backend, change)
        return outcome.counted
