"""The rule: an agent runs a location when its sets admit queue, deployment and name.

It is what the official agent does (``dagster_cloud.agent``, 1.11 to 1.13): an agent asks for the
requests of its queues, in its deployments, and refuses a location that its allowed list leaves out.
Nothing else counts: not the order of agents, nor their names, nor how a location is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.agents import Agent
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

    @classmethod
    def of(cls, location: Location) -> RoutedLocation:
        """From a location of a repository."""
        at = location.position if location.queue is None else location.queue.position
        return cls(
            name=location.name.value,
            queue=location.queue_name,
            kind=location.kind,
            position=at,
        )


class Reason(StrEnum):
    """Why an agent will not run a location."""

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

    @property
    def is_served(self) -> bool:
        """Whether anybody will run it."""
        return bool(self.agents)


def refusing(agent: Agent, location: RoutedLocation, target: Destination) -> tuple[Reason, ...]:
    """Why an agent will not run a location; empty when it will."""
    return tuple(_reasons(agent, location, target))


def route(location: RoutedLocation, target: Destination, agents: Iterable[Agent]) -> Route:
    """Which agents will run a location in a deployment, and why the others will not."""
    willing: list[Agent] = []
    refusals: list[Refusal] = []
    for agent in agents:
        reasons = refusing(agent, location, target)
        if reasons:
            refusals.append(Refusal(agent=agent, reasons=reasons))
        else:
            willing.append(agent)
    return Route(location=location, target=target, agents=tuple(willing), refusals=tuple(refusals))


def routes(
    locations: Iterable[RoutedLocation], targets: Sequence[Destination], agents: Sequence[Agent]
) -> tuple[Route, ...]:
    """A route for each location and deployment, locations first."""
    return tuple(route(each, target, agents) for each in locations for target in targets)


def _reasons(agent: Agent, location: RoutedLocation, target: Destination) -> Iterator[Reason]:
    if location.queue not in agent.queues:
        yield Reason.DEFAULT_QUEUE_OFF if location.queue is None else Reason.QUEUE
    if target.is_branch and not agent.branch_deployments:
        yield Reason.BRANCH_DEPLOYMENTS
    if not target.is_branch and not _serves(agent, target.deployment):
        yield Reason.DEPLOYMENT
    allowed = agent.allowed_in(target.deployment, is_branch=target.is_branch)
    if allowed is not None and location.name not in allowed:
        yield Reason.NOT_ALLOWED


def _serves(agent: Agent, deployment: str) -> bool:
    return agent.deployments is None or deployment in agent.deployments
