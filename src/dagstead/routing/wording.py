"""What is said of a route, in sentences that name the next step."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dagstead.model.agents import Agent
from dagstead.model.location import Kind
from dagstead.model.queues import is_default_by_name, name_queue
from dagstead.model.words import nearest
from dagstead.routing.routes import Destination, Reason, Refusal, Route, State

#: More names make a sentence unreadable.
_MOST_NAMES = 5
NOBODY = "nobody"
UNKNOWN = "unknown"
#: Who runs what the managed pool cannot, where no agent is known.
YOURS = "an agent that you run"
#: What a pool runs only where its code is in containers.
IMAGES = frozenset({Kind.HYBRID, Kind.PREBUILT})
#: Of an agent that does not serve the queue for sure; the other reasons are about one that may.
_NOT_NEAR = frozenset({Reason.DOES_NOT_START, Reason.QUEUE, Reason.DEFAULT_QUEUE_OFF})
#: What a setting is called in an agent's file, in Helm values, and in agents.yaml.
DEFAULT_QUEUE_KEYS = (
    "agent_queues.include_default_queue",
    "dagsterCloud.agentQueues.includeDefaultQueue",
    "default_queue",
)
_BRANCH_KEYS = (
    "dagster_cloud_api.branch_deployments",
    "dagsterCloud.branchDeployments",
    "branch_deployments",
)
_DEPLOYMENT_KEYS = ("dagster_cloud_api.deployments", "dagsterCloud.deployments", "deployments")


@dataclass(frozen=True, kw_only=True, slots=True)
class UnservedReason:
    """Why no agent will run a location; both sentences are without a full stop."""

    message: str
    advice: str
    #: What keeps the nearest agents from it; ``None`` when there are none.
    because: Reason | None = None

    @property
    def next_step(self) -> str:
        """The advice as a sentence."""
        return self.advice if self.advice.endswith("?") else f"{self.advice}."

    def __str__(self) -> str:
        return f"{self.message}. {self.next_step}"


def describe_answer(route: Route) -> str:
    """Who runs the location of a route, for a table."""
    if route.state is State.SERVED:
        return ", ".join(dict.fromkeys(each.name for each in route.agents))
    if route.state is State.UNSERVED:
        return NOBODY
    return YOURS if not route.possible and needs_yours(route) else UNKNOWN


def needs_yours(route: Route) -> bool:
    """Whether only an agent of the user can run the location of a route."""
    return route.location.queue is not None or route.location.kind in IMAGES


def describe_doubt(agent: Agent) -> str:
    """Why it is not known whether an agent runs a location: words after "because"."""
    return agent.unknown_because or "its settings are not known here"


def describe_unserved(route: Route, *, running: bool = False) -> UnservedReason:
    """Why nobody will run the location of a route, and the nearest way out.

    ``running`` says that the agents are those that are heard of, not those that files define.
    """
    queue = name_queue(route.location.queue)
    an_agent = "running agent" if running else "agent"
    if not route.refusals:
        return _no_agents(queue, running=running)
    near = [each for each in route.refusals if each.reasons[0] not in _NOT_NEAR]
    for reason in (Reason.NOT_ALLOWED, Reason.BRANCH_DEPLOYMENTS, Reason.DEPLOYMENT):
        closest = [each for each in near if each.reasons[0] is reason]
        if closest:
            return _nearly(route, closest, reason, an_agent)
    return _wrong_queue(route, an_agent)


def describe_refusal(refusal: Refusal, route: Route) -> str:
    """Why an agent will not run the location of a route: words after "because"."""
    if Reason.DOES_NOT_START in refusal.reasons:
        return "it does not start with its settings"
    return " and ".join(_because(each, refusal.agent, route) for each in refusal.reasons)


def key_of(keys: tuple[str, str, str], agents: Iterable[Agent]) -> str:
    """What a setting is called where these agents are defined."""
    agent_key, helm_key, own_key = keys
    files = {each.position and posixpath.basename(each.position.file) for each in agents}
    if files == {"agents.yaml"}:
        return f"{agent_key} ({own_key} in agents.yaml)"
    if files == {"dagster.yaml"}:
        return agent_key
    return f"{agent_key} (in Helm values {helm_key})"


def branches_advice(agents: Iterable[Agent]) -> str:
    """How one of these agents is made to serve branch deployments."""
    return f"Set {key_of(_BRANCH_KEYS, agents)} to true for an agent"


def nearest_queue(queue: str | None, agents: Iterable[Agent]) -> str | None:
    """The served queue that was probably meant."""
    served = sorted({each for agent in agents for each in agent.queues if each})
    return nearest((queue or "").strip(), served)


def listing(names: Sequence[str], *, between: str = ", ") -> str:
    """Names in a sentence; of many only the first."""
    shown = between.join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def names_of(routes: Iterable[Route]) -> tuple[str, ...]:
    """The names of the locations of routes."""
    return tuple(dict.fromkeys(each.location.name for each in routes))


def where_of(routes: Iterable[Route]) -> str:
    """The deployments of routes, full ones first."""
    targets = {each.target for each in routes}
    by_name = sorted(targets, key=lambda each: (each.is_branch, each.deployment))
    return " and ".join(str(each) for each in by_name)


def verb(word: str, subjects: Sequence[object]) -> str:
    """A verb in the third person: of one, or of several."""
    if len(subjects) == 1:
        return word
    return {"is": "are", "has": "have", "goes": "go"}.get(word, word.removesuffix("s"))


def own_queue_advice(names: Sequence[object]) -> str:
    """What to do with locations that have an image, on a queue of others."""
    return (
        f"Give {'it' if len(names) == 1 else 'them'} the agent_queue of an agent that runs images"
    )


def _no_agents(queue: str, *, running: bool) -> UnservedReason:
    if running:
        return UnservedReason(
            message=f"No agent is running that could serve {queue}",
            advice="Start one, and see it with `dagstead agent list`",
        )
    return UnservedReason(
        message=f"There is no agent that could serve {queue}",
        advice="Name the files of your agents with --agents, or ask a control plane with --live",
    )


def _wrong_queue(route: Route, an_agent: str) -> UnservedReason:
    agents = [each.agent for each in route.refusals if each.agent.starts]
    queue = route.location.queue
    known = listing(
        [f"{each.name}: {each.described_queues}" for each in _by_name(agents)], between="; "
    )
    message = f"No {an_agent} serves {name_queue(queue)}"
    near = None if is_default_by_name(queue) else nearest_queue(queue, agents)
    message += f". Did you mean {near!r}? " if near else ". "
    message += f"{an_agent.capitalize()}s and their queues: {known}"
    return UnservedReason(
        message=message, advice=_queue_advice(queue, agents), because=Reason.QUEUE
    )


def _queue_advice(queue: str | None, agents: Sequence[Agent]) -> str:
    if queue is None:
        return (
            f"Set {key_of(DEFAULT_QUEUE_KEYS, agents)} to true for an agent, or give the location "
            "an agent_queue"
        )
    if is_default_by_name(queue):
        return (
            f"The default queue has no name: remove agent_queue {queue!r} from the location, or "
            "name a queue of an agent"
        )
    return f"Add {queue!r} to an agent's agent_queues, or change the location's agent_queue"


def _nearly(route: Route, near: Sequence[Refusal], reason: Reason, an_agent: str) -> UnservedReason:
    names = listing([each.name for each in _by_name([each.agent for each in near])])
    serves, refuses = verb("serves", near), verb("refuses", near)
    queue, target = name_queue(route.location.queue), route.target
    if reason is Reason.NOT_ALLOWED:
        return UnservedReason(
            message=f"{names} {serves} {queue} and {refuses} location {route.location.name!r}: it "
            f"is not in {_allowed_list(target)}",
            advice="Add the location there, or give it another agent_queue",
            because=reason,
        )
    if reason is Reason.BRANCH_DEPLOYMENTS:
        return UnservedReason(
            message=f"No {an_agent} serves {queue} in branch deployments; {names} {serves} it in "
            "full deployments only",
            advice=branches_advice(each.agent for each in near),
            because=reason,
        )
    return UnservedReason(
        message=f"No {an_agent} serves {queue} in deployment {target.deployment!r}; {names} "
        f"{serves} it in {_deployments_of([each.agent for each in near])}",
        advice=f"Add {target.deployment!r} to "
        f"{key_of(_DEPLOYMENT_KEYS, [each.agent for each in near])} for an agent",
        because=reason,
    )


def _because(reason: Reason, agent: Agent, route: Route) -> str:
    match reason:
        case Reason.QUEUE:
            return f"it serves {_only_queues(agent)}"
        case Reason.DEFAULT_QUEUE_OFF:
            return f"its default queue is off: it serves {_only_queues(agent)}"
        case Reason.BRANCH_DEPLOYMENTS:
            return "it serves no branch deployments"
        case Reason.DEPLOYMENT:
            return f"it serves {_deployments_of([agent])}"
        case _:
            return f"the location is not in {_allowed_list(route.target)}"


def _only_queues(agent: Agent) -> str:
    only = "only " if agent.queues and not agent.unknown else ""
    return f"{only}{agent.described_queues}"


def _allowed_list(target: Destination) -> str:
    if target.is_branch:
        return "its allowed_branch_deployment_locations"
    return f"its allowed_full_deployment_locations for {target.deployment!r}"


def _deployments_of(agents: Iterable[Agent]) -> str:
    names = {name for each in agents for name in each.deployments or ()}
    if not names:
        return "branch deployments only"
    kind = "deployment" if len(names) == 1 else "deployments"
    return f"{kind} {listing([repr(each) for each in sorted(names)])} only"


def _by_name(agents: Iterable[Agent]) -> list[Agent]:
    return sorted(agents, key=lambda each: each.name)
