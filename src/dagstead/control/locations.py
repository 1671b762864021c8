"""Code locations: what is deployed and live, and how it is removed or reloaded."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.errors import LocationNotFoundError, StoreAwayError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import Phase
from dagstead.plane.roles import Permission

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Locations:
    """Acts on a deployment's locations, and views of them. They are deployed by releases."""

    _backend: Backend

    def all(self, actor: Actor, deployment: Deployment) -> list[Location]:
        """All locations that the actor may see, by name.

        For an agent, those whose newest deploy it may run.
        """
        actor.require_deployment(deployment)
        every = self._backend.store.locations.all(deployment.name)
        return [
            location
            for location in every
            if actor.sees_location(location.name) and actor.grants_queue(location.queue)
        ]

    def deployments(self, actor: Actor) -> frozenset[str]:
        """The names of the deployments that have locations."""
        actor.require_system("Looking where there is code")
        return self._backend.store.locations.deployments(ORGANIZATION)

    def get(self, actor: Actor, deployment: Deployment, name: str) -> Location:
        """One location.

        Raises:
            ForbiddenError: when the actor may not see it, whether or not it exists.
            LocationNotFoundError: with the names that exist, for those who may see all of them.
        """
        actor.require_sight(deployment, [name])
        require_location(self._backend, actor, deployment, name)
        return self._backend.store.locations.get(deployment.name, name)

    def names(self, actor: Actor, deployment: Deployment) -> frozenset[str]:
        """The names of all locations, which are no secret in their deployment."""
        actor.require_reach(deployment)
        return frozenset(each.name for each in self._backend.store.locations.all(deployment.name))

    def manifests(self, actor: Actor, deployment: Deployment) -> Mapping[str, str]:
        """The live definitions of all locations, packed, by the names of the locations.

        They are Dagster's data, such as runs and events: all agents of a deployment read them.
        """
        actor.require_reach(deployment)
        every = self._backend.store.locations.all(deployment.name)
        return {each.name: each.manifest for each in every if each.manifest is not None}

    def version(self, actor: Actor, deployment: Deployment) -> int:
        """A number that changes when any location of the deployment does."""
        actor.require_deployment(deployment)
        return self._backend.store.locations.version(deployment.name)

    def to_serve(
        self, actor: Actor, deployment: Deployment, queues: Sequence[str | None]
    ) -> list[Location]:
        """The locations that an agent with these queues runs; it counts as having taken them.

        Raises:
            ForbiddenError: when its token grants none of the queues, or does not grant the
                deployment.
        """
        actor.require_agent(deployment)
        granted = actor.cut_queues(queues)
        if actor.token is not None:
            self._backend.store.token_calls.asked(actor.token.id)
        every = self._backend.store.locations.all(deployment.name)
        found = [location for location in every if location.queue in granted]
        loading = [location.name for location in found if location.open_release is not None]
        if loading:
            self._note(deployment, loading, Phase.TAKEN)
        return found

    def note_importing(self, actor: Actor, deployment: Deployment, name: str) -> None:
        """Record that a code server has asked for its secrets, which is the first thing it does."""
        worker = actor.require_code(deployment)
        require_location(self._backend, actor, deployment, name)
        # A run worker asks for them as well, and imports nothing for a release.
        if worker is None or (worker.run_id is None and worker.location == name):
            self._note(deployment, [name], Phase.IMPORTING)

    def remove(self, actor: Actor, deployment: Deployment, name: str) -> None:
        """Remove a location, also from a release that is loading it.

        Raises:
            ForbiddenError: when the actor may not change the location.
            LocationNotFoundError: with the names that exist.
        """
        actor.require_locations(deployment, [name])
        outcome = self._backend.store.releases.remove(deployment.name, name)
        publish(self._backend, Change(deployment=deployment, queues=outcome.queues, releases=True))

    def reload(
        self, actor: Actor, deployment: Deployment, names: Collection[str] | None = None
    ) -> None:
        """Have agents load locations again, as they are deployed.

        Args:
            actor: asks for it.
            deployment: of the locations.
            names: of the locations; ``None`` is all of them.

        Raises:
            ForbiddenError: when the actor may not change one of them.
            LocationNotFoundError: with the names that exist.
        """
        actor.require_locations(deployment, names or ())
        store = self._backend.store.locations
        if names is None:
            actor.require_change(deployment, "reloading all locations", Permission.DEPLOY)
            chosen = store.all(deployment.name)
        else:
            chosen = [store.get(deployment.name, name) for name in names]
        store.reload(deployment.name, [location.name for location in chosen])
        queues = {location.queue for location in chosen}
        publish(self._backend, Change(deployment=deployment, queues=queues))

    def remind(self, actor: Actor, deployment: Deployment, queues: Collection[str | None]) -> None:
        """Have the agents of these queues check once more which locations they have to load."""
        actor.require_system("Reminding agents")
        publish(self._backend, Change(deployment=deployment, queues=queues, locations=False))

    def _note(self, deployment: Deployment, names: Sequence[str], phase: Phase) -> None:
        """Record how far a location has come, for people who wait. No answer depends on it."""
        try:
            self._backend.store.releases.note_phase(deployment.name, names, phase)
        except StoreAwayError:
            logger.warning("Could not note that %s: %s are %s", deployment.name, names, phase)


def require_location(backend: Backend, actor: Actor, deployment: Deployment, name: str) -> None:
    """Refuse unless the actor may serve a location.

    Raises:
        ForbiddenError: with a sentence for the agent's log.
    """
    is_limited = not actor.serves_every_queue
    found = find_location(backend, deployment, name) if is_limited else None
    actor.require_location(deployment, name, found)


def find_location(backend: Backend, deployment: Deployment, name: str) -> Location | None:
    """The location of that name, if there is one."""
    try:
        return backend.store.locations.get(deployment.name, name)
    except LocationNotFoundError:
        return None
