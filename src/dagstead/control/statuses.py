"""The one status of every location, which all doors show, and how locations in error are healed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.control.roster import Roster
from dagstead.plane.deployments import Deployment
from dagstead.plane.location_status import Facts, LocationStatus, needs_healing, status_of
from dagstead.plane.locations import Location
from dagstead.plane.release_machine.events import (
    CallRefusal,
    CallSuccess,
    HealingTry,
    HealthEvent,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedLocation:
    """A location, and what can be expected of it."""

    location: Location
    status: LocationStatus


@dataclass(frozen=True, slots=True)
class Statuses:
    """Views of what can be expected of locations, and acts that make it better."""

    _backend: Backend

    def all(self, actor: Actor, deployment: Deployment) -> Mapping[str, LocationStatus]:
        """The status of every location of a deployment that the actor may see, by name."""
        return {each.location.name: each.status for each in self.stated(actor, deployment)}

    def stated(self, actor: Actor, deployment: Deployment) -> Sequence[StatedLocation]:
        """Every location of a deployment that the actor may see, with its status, by name."""
        actor.require_deployment(deployment)
        return [
            StatedLocation(location=facts.location, status=status_of(facts))
            for facts in facts_of(self._backend, deployment)
            if actor.sees_location(facts.location.name)
        ]

    def heal(self, actor: Actor, deployment: Deployment) -> list[str]:
        """Have agents load what is in error, where the next try is due; returns the names."""
        actor.require_system("Healing locations")
        now = self._backend.now()
        due = [facts for facts in facts_of(self._backend, deployment) if needs_healing(facts, now)]
        return [
            facts.location.name
            for facts in due
            if self._apply(
                deployment,
                HealingTry(
                    name=facts.location.name,
                    version=facts.location.version,
                    reason=status_of(facts).reason,
                ),
            )
        ]

    def note_refused(
        self, actor: Actor, deployment: Deployment, asked: Location, reason: str
    ) -> None:
        """Record that an agent could not reach the code server of a location.

        Args:
            actor: the control plane.
            deployment: of the location.
            asked: the location as it was when the call was made.
            reason: why, as the agent reported it.
        """
        actor.require_system("Noting a refused call")
        event = CallRefusal(name=asked.name, version=asked.version, reason=reason)
        self._apply(deployment, event)

    def note_answered(self, actor: Actor, deployment: Deployment, asked: Location) -> None:
        """Record that a code server has answered, if a call before was refused."""
        actor.require_system("Noting an answered call")
        if asked.refused is not None:
            self._apply(deployment, CallSuccess(name=asked.name))

    def _apply(self, deployment: Deployment, event: HealthEvent) -> bool:
        outcome = self._backend.store.locations.apply(deployment.name, event)
        change = Change(deployment=deployment, queues=outcome.queues, locations=outcome.counted)
        publish(self._backend, change)
        return outcome.counted


def facts_of(backend: Backend, deployment: Deployment) -> list[Facts]:
    """What is known of every location of a deployment, by name."""
    roster = Roster.of(backend)
    locations = backend.store.locations.all(deployment.name)
    return [roster.facts(deployment, location) for location in locations]


def status_now(backend: Backend, deployment: Deployment, location: Location) -> LocationStatus:
    """The status of one location."""
    return status_of(Roster.of(backend).facts(deployment, location))
