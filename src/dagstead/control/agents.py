"""Agents: what they report about themselves, and their state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.control.actor import Actor
from dagstead.control.availability import alive
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.errors import InvalidInputError
from dagstead.model.agents import Agent
from dagstead.model.queues import describe_queue
from dagstead.plane.agent_keys import AgentKey
from dagstead.plane.agents import (
    ALIVE_SECONDS,
    AgentStatus,
    Heartbeat,
    as_agent,
    of_deployment,
)
from dagstead.plane.code_servers import ServerReport
from dagstead.plane.deployments import Deployment
from dagstead.plane.names import ID_MAX, NAME_MAX, check_readable, check_short
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.texts import require_small

#: Agents without a heartbeat for a week are no longer listed.
_KEPT_SECONDS = 7 * 24 * 3600.0

#: Agents of one token, of each of which a heartbeat for every deployment is kept. Of more, those
#: that are silent longest are forgotten: an agent has another id after every start.
_MOST_AGENTS = 50
#: As many as official agents send, none of which is nearly as long.
_MOST_ERRORS = 25
_ERROR_MAX = 65_536
#: Official agents send a few lines; 200 bytes for a run; and a handful of queues.
_MOST_METADATA = 65_536
_MOST_STATUSES = 4 << 20
_MOST_QUEUES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentReport:
    """What an agent reports about itself for a deployment."""

    agent_id: str
    deployment: str
    label: str | None
    type: str | None
    version: str | None
    queues: frozenset[str | None]
    branch_deployments: bool
    metadata: Mapping[str, Any]
    #: Serialized ``CloudRunWorkerStatuses``, or ``None``.
    run_worker_statuses: str | None
    #: Serialized ``TimestampedError`` of the last day.
    errors: tuple[str, ...]
    #: What it reports about the code servers of its locations.
    servers: tuple[ServerReport, ...] = ()

    def require_readable(self) -> None:
        """Refuse names that would change what people read around them, and what is too large.

        Everybody's pages read the heartbeats of all agents.

        Raises:
            InvalidInputError: with the name.
        """
        for what, text in (
            ("id", self.agent_id),
            ("label", self.label),
            ("type", self.type),
            ("version", self.version),
            *(("queue", queue) for queue in self.queues),
        ):
            check_readable(f"The agent's {what}", text)
            check_short(f"The agent's {what}", text or "", ID_MAX if what == "id" else NAME_MAX)
        require_small("What the agent says of itself", dict(self.metadata), _MOST_METADATA)
        require_small("What the agent says of its runs", self.run_worker_statuses, _MOST_STATUSES)
        if len(self.queues) > _MOST_QUEUES:
            msg = f"The agent has {len(self.queues)} queues, and at most {_MOST_QUEUES} are taken."
            raise InvalidInputError(msg)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownAgent:
    """An agent of one deployment."""

    beat: Heartbeat
    status: AgentStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentView:
    """An agent of the organization, from its heartbeats for all deployments."""

    id: str
    #: In the form that routing reads, from its newest heartbeat.
    agent: Agent
    label: str
    status: AgentStatus
    version: str | None
    type: str | None
    #: The deployments of its recent heartbeats; if it is silent, that of the last one.
    deployments: tuple[str, ...]
    full_deployments: tuple[str, ...]
    branch_deployments: bool
    #: The name of its token, for those who may see tokens.
    token: str | None
    #: Seconds since 1970.
    last_heartbeat: float
    #: The number of errors in the heartbeat that has most.
    errors: int


@dataclass(frozen=True, slots=True)
class Agents:
    """Acts on agents, and views of them."""

    _backend: Backend

    def record(self, actor: Actor, reports: Iterable[AgentReport]) -> None:
        """Store an agent's newest heartbeats, as far as its token grants what they claim.

        Raises:
            ForbiddenError: for others than agents.
            InvalidInputError: when one has an id that no agent has, or a name has control
                characters.
        """
        actor.require_agent()
        reports = list(reports)
        for report in reports:
            report.require_readable()
        known = {
            deployment.name: deployment for deployment in self._backend.store.deployments.all()
        }
        beats = [
            self._heartbeat(actor, report)
            for report in reports
            if report.deployment in known and actor.grants(known[report.deployment])
        ]
        newest = {(beat.agent_id, beat.deployment): beat for beat in beats}
        self._backend.store.agents.record(newest.values(), most=_MOST_AGENTS * len(known))

    def all(self, actor: Actor) -> list[AgentView]:
        """The agents of the deployments that the actor may see, by their newest heartbeats.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole("listing agents")
        actor.refuse_code("Listing agents")
        roster = Roster.of(self._backend)
        return [view for view, _ in views_of(self._backend, actor, roster)]

    def granted(self, actor: Actor) -> list[Heartbeat]:
        """The newest heartbeats for the deployments that the actor may see, the newest first.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole("listing agents")
        actor.refuse_code("Listing agents")
        names = {
            deployment.name
            for deployment in self._backend.store.deployments.all()
            if actor.grants(deployment)
        }
        return [
            beat
            for beat in self._backend.store.agents.all(ORGANIZATION)
            if beat.deployment in names
        ]

    def of(self, actor: Actor, deployment: Deployment) -> list[Heartbeat]:
        """One heartbeat of every agent that serves a deployment, including silent ones."""
        actor.require_deployment(deployment)
        every = self._backend.store.agents.all(ORGANIZATION)
        beats = of_deployment(every, deployment.name, is_branch=deployment.is_branch)
        return self._seen(actor, deployment, beats)

    def shown(self, actor: Actor, deployment: Deployment) -> list[ShownAgent]:
        """Every agent that serves a deployment, including dead ones that nobody has replaced."""
        actor.require_deployment(deployment)
        roster = Roster.of(self._backend)
        beats = of_deployment(roster.listed(), deployment.name, is_branch=deployment.is_branch)
        queues = self._seen_queues(actor, deployment)
        return [
            ShownAgent(beat=seen, status=roster.status(beat))
            for beat in beats
            if (seen := _cut(beat, queues)) is not None
        ]

    def alive(self, actor: Actor, deployment: Deployment) -> list[Heartbeat]:
        """The newest heartbeat of every live agent that serves a deployment."""
        actor.require_deployment(deployment)
        return self._seen(actor, deployment, alive(self._backend, deployment))

    def listen(self, actor: Actor) -> None:
        """Record that a server listens: while none does, the silence of agents says nothing."""
        actor.require_system("Listening for agents")
        self._backend.store.token_calls.listening()

    def forget(self, actor: Actor) -> int:
        """Forget agents that are long gone; returns the number of heartbeats removed."""
        actor.require_system("Forgetting agents")
        return self._backend.store.agents.forget(ORGANIZATION, _KEPT_SECONDS)

    def forget_gone(self, actor: Actor, agent_id: str) -> str:
        """Forget one agent that is gone; returns its name.

        Raises:
            ForbiddenError: for a limited actor.
            ConflictError: when it is alive, as it would be back with its next heartbeat.
            NotFoundError: when no agent has that id.
        """
        actor.require_organization("Forgetting an agent")
        return self._backend.store.agents.forget_gone(ORGANIZATION, agent_id, ALIVE_SECONDS)

    def _seen(
        self, actor: Actor, deployment: Deployment, beats: Iterable[Heartbeat]
    ) -> list[Heartbeat]:
        """Heartbeats as far as the actor may see them."""
        queues = self._seen_queues(actor, deployment)
        return [seen for beat in beats if (seen := _cut(beat, queues)) is not None]

    def _seen_queues(self, actor: Actor, deployment: Deployment) -> frozenset[str | None] | None:
        """The queues whose agents the actor may see; ``None`` is all, with all that they say."""
        if not actor.is_of_locations:
            return None
        every = self._backend.store.locations.all(deployment.name)
        own = {location.queue for location in every if actor.sees_location(location.name)}
        # The CLI asks who serves the default queue before a location is there.
        return frozenset({None, *own})

    def _heartbeat(self, actor: Actor, report: AgentReport) -> Heartbeat:
        if not report.agent_id:
            raise InvalidInputError("An agent needs an id, and this one has none.")
        now = self._backend.now()
        granted = frozenset(queue for queue in report.queues if actor.grants_queue(queue))
        refused = report.queues - granted
        metadata = dict(report.metadata)
        if refused:
            metadata["refused_queues"] = sorted(map(describe_queue, refused))
        token = actor.token
        return Heartbeat(
            agent_id=report.agent_id,
            deployment=report.deployment,
            token_id=0 if token is None else token.id,
            received_at=now,
            first_received_at=now,
            label=report.label,
            type=report.type,
            version=report.version,
            queues=granted,
            branch_deployments=report.branch_deployments
            and (token is None or token.branch_deployments),
            metadata=metadata,
            run_worker_statuses=report.run_worker_statuses,
            errors=tuple(e for e in report.errors if len(e) <= _ERROR_MAX)[-_MOST_ERRORS:],
            servers=report.servers,
        )


def views_of(
    backend: Backend, actor: Actor, roster: Roster
) -> list[tuple[AgentView, list[Heartbeat]]]:
    """The agents of the deployments that an actor may see, with their heartbeats for these."""
    deployments = {deployment.name: deployment for deployment in backend.store.deployments.all()}
    beats: dict[AgentKey, list[Heartbeat]] = defaultdict(list)
    for beat in roster.listed():
        deployment = deployments.get(beat.deployment)
        if deployment is not None and actor.grants(deployment):
            beats[beat.key].append(beat)
    full = {name for name, deployment in deployments.items() if not deployment.is_branch}
    tokens = backend.store.tokens.all() if actor.is_unlimited else ()
    names = {token.id: token.name for token in tokens}
    return [
        (_view(of_agent, full, roster, token=names.get(of_agent[0].token_id)), of_agent)
        for of_agent in beats.values()
    ]


def _cut(beat: Heartbeat, queues: frozenset[str | None] | None) -> Heartbeat | None:
    """A heartbeat as those see it who may see these queues."""
    if queues is None:
        return beat
    return beat.for_deployers(queues) if beat.queues & queues else None


def _view(
    beats: Sequence[Heartbeat], full: set[str], roster: Roster, *, token: str | None
) -> AgentView:
    """The view of an agent, from its heartbeats; the newest comes first."""
    newest = beats[0]
    counting = [beat for beat in beats if beat.is_alive(roster.presence.now)] or beats[:1]
    names = {beat.deployment for beat in counting} | _of_pool(newest, full)
    return AgentView(
        id=newest.agent_id,
        agent=as_agent(newest, is_branch=False),
        label=newest.label or newest.agent_id,
        status=roster.status(newest),
        version=newest.version,
        type=newest.type,
        deployments=tuple(sorted(names)),
        full_deployments=tuple(sorted(names & full)),
        branch_deployments=any(
            beat.branch_deployments or beat.deployment not in full for beat in counting
        ),
        token=token,
        last_heartbeat=newest.received_at,
        errors=max(len(beat.errors) for beat in beats),
    )


def _of_pool(beat: Heartbeat, full: set[str]) -> set[str]:
    """The full deployments that a managed pool serves; none for other agents."""
    pool = beat.pool
    if pool is None:
        return set()
    return {name for name in full if pool.grants_deployment(name, is_branch=False)}
