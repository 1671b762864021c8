"""Everything at one time: views over all deployments that an actor may see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.health import parts_now
from dagstead.control.queue_facts import QueueFacts
from dagstead.control.roster import Roster
from dagstead.plane.agents import as_agent
from dagstead.plane.alert_problems import lost_problems, unreadable_problems
from dagstead.plane.deployments import Deployment
from dagstead.plane.late_schedules import LateSchedule, late_problems
from dagstead.plane.location_status import status_of
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.problems import PlacedLocation, Problem, SilentAgent, in_order, problems_of
from dagstead.plane.refused_callers import RefusedCaller
from dagstead.plane.release_changes import (
    LocationChange,
    changes_of,
    compared_with,
    with_before,
)
from dagstead.plane.release_lines import ReleaseLine
from dagstead.plane.releases import Release
from dagstead.routing.routes import BRANCHES, Destination, Route, RoutedLocation, route

#: Problems look at the newest releases of all deployments.
_MOST_RELEASES = 200
#: An agent with a wrong token calls again and again.
_REFUSED_SECONDS = 3600.0
#: For so long it is shown that a message about alerts was given up.
_LOST_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Overview:
    """Views that read agents, locations and releases once, whatever the number of deployments."""

    _backend: Backend

    def locations(
        self, actor: Actor, names: Collection[str] | None = None
    ) -> Sequence[PlacedLocation]:
        """Every location that the actor may see, with its status, by deployment and name.

        Args:
            actor: looks at them.
            names: of deployments; ``None`` is all.
        """
        return self._placed(actor, Roster.of(self._backend), self._granted(actor, names))

    def releases(
        self,
        actor: Actor,
        names: Collection[str] | None = None,
        limit: int | None = None,
        below: float | None = None,
    ) -> Sequence[ReleaseLine]:
        """The releases that the actor may see something of, the newest first.

        Args:
            actor: looks at them.
            names: of deployments; ``None`` is all.
            limit: the most that are looked at.
            below: only those that began before that time: the next page.
        """
        return self._lines(actor, self._granted(actor, names), limit or _MOST_RELEASES, below)

    def changes(
        self, actor: Actor, deployment: Deployment, number: int
    ) -> tuple[Release, Sequence[LocationChange]]:
        """One release, and what it changed, as far as the actor may see its locations.

        Raises:
            ForbiddenError: when it has none of the actor's locations.
            ReleaseNotFoundError: when no release has that number.
        """
        actor.require_deployment(deployment)
        store = self._backend.store.releases
        found = store.get(deployment.name, number)
        if not any(map(actor.sees_location, found.touched)):
            actor.require_whole(f"release {number}")
        now = self._backend.store.locations.all(deployment.name)
        release = with_before(found, now).cut_to(actor.sees_location)
        documents = store.documents(deployment.name, compared_with(release), release.touched)
        return release, changes_of(release, documents)

    def problems(self, actor: Actor) -> Sequence[Problem]:
        """What is wrong now with what the actor may see.

        Raises:
            ForbiddenError: for agents.
        """
        actor.require_user()
        facts = QueueFacts.of(self._backend, actor)
        roster = facts.roster
        granted = self._granted(actor, None)
        found = problems_of(
            parts=parts_now(self._backend) if actor.is_unlimited else (),
            placed=self._placed(actor, roster, granted),
            silent=() if actor.is_of_locations else _silent(roster, granted),
            releases=self._lines(actor, granted, _MOST_RELEASES, None),
            queues=[facts.view(name) for name in facts.names()],
            callers=self._refused() if actor.is_unlimited else (),
        )
        late = late_problems(self._late(actor, granted))
        alerts = () if actor.is_of_locations else self._of_alerts(granted)
        return in_order([*found, *late, *alerts])

    def problems_of_each(
        self, actor: Actor, names: Collection[str]
    ) -> Mapping[str, Sequence[Problem]]:
        """What is wrong in each of these deployments, looked at one by one.

        Raises:
            ForbiddenError: for everybody but the control plane itself.
        """
        actor.require_system("Looking at the problems of every deployment")
        facts = QueueFacts.of(self._backend, actor)
        granted = self._granted(actor, names)
        placed = self._placed(actor, facts.roster, granted)
        silent = _silent(facts.roster, granted)
        releases = self._lines(actor, granted, _MOST_RELEASES, None)
        queues = [facts.view(name) for name in facts.names()]
        return {
            name: problems_of(
                parts=(),
                placed=[each for each in placed if each.deployment.name == name],
                silent=[each for each in silent if name in each.deployments],
                releases=[each for each in releases if each.deployment == name],
                queues=[
                    each for each in queues if any(one.deployment == name for one in each.locations)
                ],
                callers=(),
            )
            for name in granted
        }

    def routes(self, actor: Actor, names: Collection[str] | None = None) -> Sequence[Route]:
        """Which live agents run every location, and why the others do not.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole("looking at all routes")
        actor.refuse_code("Looking at all routes")
        roster = Roster.of(self._backend)
        granted = self._granted(actor, names)
        agents = {
            each.name: [as_agent(beat, is_branch=each.is_branch) for beat in roster.alive(each)]
            for each in granted.values()
        }
        every = self._backend.store.locations.everywhere(ORGANIZATION, granted)
        return [
            route(
                RoutedLocation(name=location.name, queue=location.queue),
                _destination(granted[location.deployment]),
                agents[location.deployment],
            )
            for location in every
        ]

    def _late(self, actor: Actor, granted: Mapping[str, Deployment]) -> list[LateSchedule]:
        """Of full deployments; nothing during a pause, as schedules do not tick then."""
        if self._backend.store.properties.pause() is not None:
            return []
        now = self._backend.now()
        return [
            late
            for deployment in granted.values()
            if not deployment.is_branch
            for late in self._backend.orchestration.late_schedules(deployment, now, is_whole=False)
            if actor.sees_location(late.location)
        ]

    def _of_alerts(self, granted: Collection[str]) -> Iterator[Problem]:
        """What is wrong with alerts themselves."""
        store = self._backend.store
        policies = store.alert_policies.everywhere(ORGANIZATION, granted)
        yield from unreadable_problems(policies.unreadable)
        on = {each.id for each in policies.readable if each.policy.is_enabled}
        after = self._backend.now() - _LOST_SECONDS
        lost = store.alert_outbox.lost(ORGANIZATION, granted, after)
        yield from lost_problems(each for each in lost if each.policy_id in on)

    def _refused(self) -> list[RefusedCaller]:
        """Who was refused in the last day, the last one first."""
        after = self._backend.now() - _REFUSED_SECONDS
        every = self._backend.store.refused_callers.all(ORGANIZATION)
        return [caller for caller in every if caller.last_at >= after]

    def _granted(self, actor: Actor, names: Collection[str] | None) -> Mapping[str, Deployment]:
        actor.refuse_code("Looking at all deployments")
        return {
            each.name: each
            for each in self._backend.store.deployments.all()
            if actor.grants(each) and (names is None or each.name in names)
        }

    def _placed(
        self, actor: Actor, roster: Roster, granted: Mapping[str, Deployment]
    ) -> list[PlacedLocation]:
        every = self._backend.store.locations.everywhere(ORGANIZATION, granted)
        return [
            PlacedLocation(
                deployment=granted[location.deployment],
                location=location,
                status=status_of(roster.facts(granted[location.deployment], location)),
                agents=roster.serving(granted[location.deployment], location),
            )
            for location in every
            if actor.sees_location(location.name)
        ]

    def _lines(
        self,
        actor: Actor,
        granted: Mapping[str, Deployment],
        limit: int,
        below: float | None,
    ) -> list[ReleaseLine]:
        store = self._backend.store.releases
        lines = store.lines(ORGANIZATION, granted, limit=limit, below=below)
        cut = (line.cut_to(actor.sees_location) for line in lines)
        return [line for line in cut if line is not None]


def _silent(roster: Roster, granted: Mapping[str, Deployment]) -> list[SilentAgent]:
    living = {beat.key for beat in roster.living}
    found: dict[object, SilentAgent] = {}
    for beat in roster.listed():
        if beat.key in living or beat.deployment not in granted or beat.key in found:
            continue
        found[beat.key] = SilentAgent(
            agent_id=beat.agent_id,
            name=beat.label or beat.agent_id,
            heard_at=roster.heard_at(beat),
            queues=beat.queues,
            deployments=frozenset(
                each.deployment
                for each in roster.beats
                if each.key == beat.key and each.deployment in granted
            ),
        )
    return list(found.values())


def _destination(deployment: Deployment) -> Destination:
    return BRANCHES if deployment.is_branch else Destination(deployment=deployment.name)
