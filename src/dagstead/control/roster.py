"""Everything that is known of agents, read at one time, and what follows for locations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dagstead.control.backend import Backend
from dagstead.plane.agents import ALIVE_SECONDS, AgentStatus, Heartbeat, as_agent, of_deployment
from dagstead.plane.code_servers import ServerState
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch
from dagstead.plane.location_status import Attendance, Facts, reports_on
from dagstead.plane.locations import Location
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.presence import Presence, last_heard, listed
from dagstead.plane.queue_fallback import ServingAgent, takers
from dagstead.plane.tokens import Token
from dagstead.routing.routes import Destination, Route, RoutedLocation, route
from dagstead.routing.wording import UnservedReason, describe_unserved


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """The heartbeats, tokens and calls of agents at one time."""

    presence: Presence
    #: The newest of every agent and deployment, the last received first.
    beats: Sequence[Heartbeat]
    #: Of those among them that are alive.
    living: Sequence[Heartbeat]
    tokens: Sequence[Token]

    @classmethod
    def of(cls, backend: Backend) -> Roster:
        """What the store knows now."""
        presence = backend.store.token_calls.presence()
        beats = backend.store.agents.all(ORGANIZATION)
        return cls(
            presence=presence,
            beats=beats,
            living=presence.alive(beats),
            tokens=[token for token in backend.store.tokens.all() if token.is_agent],
        )

    def listed(self) -> list[Heartbeat]:
        """The heartbeats of the agents that lists show."""
        names = {token.id: token.name for token in self.tokens}
        return listed(self.beats, self.living, self.presence.now, names)

    def status(self, beat: Heartbeat) -> AgentStatus:
        """The status that the official CLI and UI know."""
        is_alive = any(beat.key == other.key for other in self.living)
        return AgentStatus.RUNNING if is_alive else AgentStatus.NOT_RUNNING

    def heard_at(self, beat: Heartbeat) -> float:
        """When an agent was last heard of."""
        return last_heard(beat, self.presence, self.beats)

    def alive(self, deployment: Deployment) -> list[Heartbeat]:
        """The newest heartbeat of every live agent that serves a deployment."""
        return of_deployment(self.living, deployment.name, is_branch=deployment.is_branch)

    def why_unserved(self, deployment: Deployment, location: str, queue: str | None) -> str | None:
        """Why no agent will take a location's requests; ``None`` when one will, or may soon."""
        lack = self.lack(deployment, location, queue)
        return None if lack is None else str(lack)

    def lack(
        self, deployment: Deployment, location: str, queue: str | None
    ) -> UnservedReason | None:
        """The same, not yet as one text."""
        if any(self._starting(deployment, queue)):
            return None
        found = _route(deployment, location, queue, self.alive(deployment))
        return None if found.is_served else describe_unserved(found, running=True)

    def awaits_heartbeat(self, deployment: Deployment, location: str, queue: str | None) -> bool:
        """Whether no live agent serves a location, and one has started that may."""
        found = _route(deployment, location, queue, self.alive(deployment))
        return not found.is_served and any(self._starting(deployment, queue))

    def would_serve(
        self, deployment: Deployment, location: str, queue: str | None, beat: Heartbeat
    ) -> bool:
        """Whether the agent of a heartbeat would run a location, if it were alive."""
        return _route(deployment, location, queue, [beat]).is_served

    def token_for(
        self, deployment: Deployment, location: Location, without: Collection[int] = ()
    ) -> int | None:
        """The token to keep a call on a location's code for.

        ``None`` when any agent of its queue may take it: all of them have the code, or none has.

        Args:
            deployment: of the location.
            location: as stored.
            without: tokens of agents that could not reach its code server.
        """
        able = [
            beat
            for beat in self.beats_serving(deployment, location)
            if beat.token_id not in without
            and not self.presence.is_busy_loading(beat.token_id)
            and all(report.state is ServerState.RUNNING for report in reports_on(location, [beat]))
        ]
        takers = {beat.token_id for beat in self.alive(deployment) if location.queue in beat.queues}
        if takers == {beat.token_id for beat in able}:
            return None
        newest = max(able, key=lambda beat: beat.received_at, default=None)
        return None if newest is None else newest.token_id

    def token_to_launch(
        self, deployment: Deployment, location: Location, queue: str | None
    ) -> int | None:
        """The token to keep a launch for, which is on a queue that need not be the location's.

        ``None`` when any agent of its queue may take it.
        """
        if queue == location.queue:
            return self.token_for(deployment, location)
        able = takers(location, self.serving_queue(deployment, location, queue))
        newest = max(able, key=lambda each: each.beat.received_at, default=None)
        return None if newest is None else newest.beat.token_id

    def serving_queue(
        self, deployment: Deployment, location: Location, queue: str | None
    ) -> list[ServingAgent]:
        """The live agents of a queue, beside that of a location, in its deployment."""
        tokens = {token.id: token for token in self.tokens}
        return [
            ServingAgent(
                beat=beat,
                grants_home=(token := tokens.get(beat.token_id)) is not None
                and token.grants_queue(location.queue),
            )
            for beat in self.alive(deployment)
            if queue in beat.queues
        ]

    def unserved_since(
        self, deployment: Deployment, location: str, queue: str | None
    ) -> float | None:
        """When the last agent was heard of that served a queue there; ``None`` if none ever did."""
        every = of_deployment(self.beats, deployment.name, is_branch=deployment.is_branch)
        heard = [
            self.heard_at(beat)
            for beat in every
            if _route(deployment, location, queue, [beat]).is_served
        ]
        return max(heard, default=None)

    def token_of(self, launch: Launch) -> int | None:
        """The token of the agent that has begun a launch, if that is alive."""
        with_it = (beat.token_id for beat in self.living if launch.is_with(beat.key))
        return next(with_it, None)

    def serving(self, deployment: Deployment, location: Location) -> tuple[str, ...]:
        """The names of the live agents that serve a location."""
        found = self.beats_serving(deployment, location)
        return tuple(sorted({beat.label or beat.agent_id for beat in found}))

    def facts(self, deployment: Deployment, location: Location) -> Facts:
        """What is known of a location."""
        serving = self.beats_serving(deployment, location)
        return Facts(
            location=location,
            attendance=self._attendance(deployment, location, serving),
            servers=reports_on(location, serving),
        )

    def _attendance(
        self, deployment: Deployment, location: Location, serving: Sequence[Heartbeat]
    ) -> Attendance:
        unserved = self.why_unserved(deployment, location.name, location.queue)
        if unserved is not None:
            since = self._unserved_since(deployment, location)
            return Attendance(unserved=unserved, since=since)
        is_busy = self.is_busy_loading(deployment, location.queue, serving)
        return Attendance(is_busy_loading=is_busy)

    def is_busy_loading(
        self, deployment: Deployment, queue: str | None, serving: Iterable[Heartbeat]
    ) -> bool:
        """Whether all agents of a queue start code servers, and take no work until then.

        Args:
            deployment: that they serve.
            queue: of the work.
            serving: the newest heartbeats of those that serve it; others may have sent none yet.
        """
        users = {beat.token_id for beat in serving}
        users |= {token.id for token in self._starting(deployment, queue)}
        return bool(users) and all(map(self.presence.is_busy_loading, users))

    def _unserved_since(self, deployment: Deployment, location: Location) -> float:
        """When the last agent that served a location was heard of, or else its last change."""
        since = self.unserved_since(deployment, location.name, location.queue)
        return location.updated_at if since is None else since

    def beats_serving(self, deployment: Deployment, location: Location) -> list[Heartbeat]:
        """The heartbeats of the live agents that serve a location."""
        return [
            beat
            for beat in self.alive(deployment)
            if self.would_serve(deployment, location.name, location.queue, beat)
        ]

    def _starting(self, deployment: Deployment, queue: str | None) -> Iterator[Token]:
        """The tokens of agents that may serve a queue and have called, but sent no heartbeat yet.

        Official agents call first, then load their launcher, and send their first heartbeat after
        that.
        """
        heard_of = {beat.token_id for beat in self.living}
        return (
            token
            for token in self.tokens
            if token.id not in heard_of
            and token.revoked_at is None
            and self._calls(token)
            and token.grants_queue(queue)
            and token.grants_deployment(deployment.name, is_branch=deployment.is_branch)
        )

    def _calls(self, token: Token) -> bool:
        silent = self.presence.is_silent(token.id)
        if silent is not None:
            return not silent
        # It has neither polled nor asked for its locations yet: its very first calls are others.
        used_at = token.last_used_at
        return used_at is not None and self.presence.now - used_at < ALIVE_SECONDS


def _route(
    deployment: Deployment, location: str, queue: str | None, beats: Sequence[Heartbeat]
) -> Route:
    is_branch = deployment.is_branch
    return route(
        RoutedLocation(name=location, queue=queue),
        Destination(deployment=deployment.name, is_branch=is_branch),
        [as_agent(beat, is_branch=is_branch) for beat in beats],
    )
