"""The rule: an agent runs a location when its sets admit queue, deployment and name.

It is what the official agent does (``dagster_cloud.agent``, 1.11 to 1.13): an agent asks for the
requests of its queues, in its deployments, and refuses a location that its allowed list leaves out.
Nothing else counts: not the order of agents, nor their names, nor how a location is built. Only an
agent that nobody has named, the managed pool where it is assumed, counts for the locations alone
that it is assumed for.

There are three answers. Where a setting that would decide is not known, and where no agent is known
at all, the answer is "unknown", which is neither of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.agents import Agent, Setting
from dagstead.model.location import Kind, Location
from dagstead.model.source import Position


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where locations are deployed to: a full deployment, or any branch deployment."""

    #: Of a full deployment; empty for "branch deployments", which agents do not distinguish.
    deployment: str = ""
    is_branch: bool = False

    def __str__(self) -> str:
        return "branch deployments" if self.is_branch else self.deployment


#: All branch deployments.
BRANCHES = Destination(is_branch=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedLocation:
    """What of a code location matters for routing, and what is said about it."""

    name: str
    #: ``None`` is the default queue.
    queue: str | None
    #: How it is built, ``None`` when that is not known; no matter for who gets it.
    kind: Kind | None = None
    #: Where its queue is written, else its name.
    position: Position | None = None
    #: The type of agent that its settings are for, empty where they name none.
    agent_type: str = ""

    @classmethod
    def of(cls, location: Location) -> RoutedLocation:
        """From a location of a repository."""
        at = location.position if location.queue is None else location.queue.position
        return cls(
            name=location.name.value,
            queue=location.queue_name,
            kind=location.kind,
            position=at,
            agent_type=_agent_type(location),
        )


#: The types of agents, by their parts of a container context.
_AGENT_TYPES = {"docker": "docker", "ecs": "ecs", "k8s": "kubernetes"}


def _agent_type(location: Location) -> str:
    if location.executable_path is not None:
        return "local"
    context = {} if location.container_context is None else location.container_context.value
    found = [name for key, name in _AGENT_TYPES.items() if key in context]
    return found[0] if len(found) == 1 else ""


class State(StrEnum):
    """The answer to whether anybody will run a location."""

    SERVED = "served"
    UNSERVED = "not served"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why an agent will not run a location."""

    #: Its software refuses its settings.
    DOES_NOT_START = "does not start"
    #: It does not serve the location's queue.
    QUEUE = "queue"
    #: The location has no queue, and the agent's default queue is switched off.
    DEFAULT_QUEUE_OFF = "default queue off"
    #: It does not serve the full deployment.
    DEPLOYMENT = "deployment"
    #: It does not serve branch deployments.
    BRANCH_DEPLOYMENTS = "branch deployments"
    #: It takes the location's requests and refuses them: its allowed list leaves it out.
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An agent that will not run a location, and why: every reason that holds."""

    agent: Agent
    reasons: tuple[Reason, ...]

    @property
    def takes_requests(self) -> bool:
        """Whether it asks for the location's requests all the same, only to refuse them."""
        return self.reasons == (Reason.NOT_ALLOWED,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """Which agents will run one location in one deployment, and which will not."""

    location: RoutedLocation
    target: Destination
    #: In the order in which they were given; any of them may get a request.
    agents: tuple[Agent, ...]
    refusals: tuple[Refusal, ...]
    #: Agents that may run it: what would decide is not known of them.
    possible: tuple[Agent, ...] = ()
    #: Whether there are no agents but those that were given.
    are_all_known: bool = True

    @property
    def state(self) -> State:
        """Whether anybody will run it, as far as it is known."""
        if self.agents:
            return State.SERVED
        return State.UNKNOWN if self.possible or not self.are_all_known else State.UNSERVED

    @property
    def is_served(self) -> bool:
        """Whether somebody will run it for sure."""
        return bool(self.agents)


def refusing(agent: Agent, location: RoutedLocation, target: Destination) -> tuple[Reason, ...]:
    """Why an agent will not run a location; empty when it will, or may."""
    return tuple(_reasons(agent, location, target))


def is_doubtful(agent: Agent, location: RoutedLocation, target: Destination) -> bool:
    """Whether a setting that is not known decides, for an agent without a reason to refuse."""
    return not _has_queue(agent, location) or not _has_deployment(agent, target)


def route(
    location: RoutedLocation,
    target: Destination,
    agents: Iterable[Agent],
    *,
    are_all_known: bool = True,
) -> Route:
    """Which agents will run a location in a deployment, and why the others will not."""
    willing: list[Agent] = []
    possible: list[Agent] = []
    refusals: list[Refusal] = []
    for agent in agents:
        if agent.is_assumed and location.kind is not Kind.SERVERLESS:
            continue
        reasons = refusing(agent, location, target)
        if reasons:
            refusals.append(Refusal(agent=agent, reasons=reasons))
        elif is_doubtful(agent, location, target):
            possible.append(agent)
        else:
            willing.append(agent)
    return Route(
        location=location,
        target=target,
        agents=tuple(willing),
        refusals=tuple(refusals),
        possible=tuple(possible),
        are_all_known=are_all_known,
    )


def routes(
    locations: Iterable[RoutedLocation],
    targets: Sequence[Destination],
    agents: Sequence[Agent],
    *,
    are_all_known: bool = True,
) -> tuple[Route, ...]:
    """A route for each location and deployment, locations first."""
    return tuple(
        route(each, target, agents, are_all_known=are_all_known)
        for each in locations
        for target in targets
    )


def _reasons(agent: Agent, location: RoutedLocation, target: Destination) -> Iterator[Reason]:
    if not agent.starts:
        yield Reason.DOES_NOT_START
        return
    decides = Setting.DEFAULT_QUEUE if location.queue is None else Setting.QUEUES
    if not _has_queue(agent, location) and decides not in agent.unknown:
        yield Reason.DEFAULT_QUEUE_OFF if location.queue is None else Reason.QUEUE
    if not _has_deployment(agent, target):
        if not target.is_branch:
            yield Reason.DEPLOYMENT
        elif Setting.BRANCH_DEPLOYMENTS not in agent.unknown:
            yield Reason.BRANCH_DEPLOYMENTS
    allowed = agent.allowed_in(target.deployment, is_branch=target.is_branch)
    if allowed is not None and location.name not in allowed:
        yield Reason.NOT_ALLOWED


def _has_queue(agent: Agent, location: RoutedLocation) -> bool:
    return location.queue in agent.queues


def _has_deployment(agent: Agent, target: Destination) -> bool:
    if target.is_branch:
        return agent.branch_deployments
    return agent.deployments is None or target.deployment in agent.deployments
