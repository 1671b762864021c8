"""What is wrong now: one line for each thing, with what it blocks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.model.queues import describe_queue, name_queue
from dagstead.plane.deployments import Deployment
from dagstead.plane.health import ServerPart
from dagstead.plane.location_status import Condition, LocationStatus
from dagstead.plane.locations import Location
from dagstead.plane.queue_views import QueueView
from dagstead.plane.refused_callers import RefusedCaller
from dagstead.plane.release_lines import ReleaseLine
from dagstead.plane.releases import ReleaseState

_FAILED = frozenset({ReleaseState.FAILED, ReleaseState.PARTIAL})
#: Agents have lines of their own, and so has a pool that is down.
_AGENTS = frozenset({"agents", "pool"})
_MOST_NAMED = 3


class Weight(StrEnum):
    """How bad it is."""

    #: Something stands still, or serves nobody.
    WRONG = "wrong"
    #: Everything goes on, and somebody should look.
    ATTENTION = "attention"


class ProblemKind(StrEnum):
    """What a problem is about."""

    SERVER = "server"
    QUEUE = "queue"
    AGENT = "agent"
    RELEASE = "release"
    LOCATION = "location"
    SCHEDULE = "schedule"
    CALLERS = "callers"
    ALERTS = "alerts"


class QueueTrouble(StrEnum):
    """What is wrong with a queue."""

    #: No live agent serves it.
    UNSERVED = "unserved"
    PAUSED = "paused"
    #: Its oldest run waits longer than the longest wait.
    LATE = "late"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedLocation:
    """A location of a deployment, and what can be expected of it."""

    deployment: Deployment
    location: Location
    status: LocationStatus
    #: The names of the live agents that serve it.
    agents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SilentAgent:
    """An agent that was there, and that nobody has replaced."""

    agent_id: str
    name: str
    heard_at: float
    queues: frozenset[str | None]
    deployments: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong."""

    kind: ProblemKind
    weight: Weight
    #: What is wrong, in a few words.
    title: str
    #: Why, and what to do, in sentences.
    says: str
    #: ``None`` where it is not of a deployment.
    deployment: str | None = None
    #: The name of a location (also of schedules), or of a part; the id of an agent; the number of a
    #: release; of a queue its name, or ``None`` for the default queue; of alerts the policy.
    object: str | None = None
    since: float | None = None
    #: How many locations cannot be used because of it.
    locations: int = 0
    #: How many runs wait for it.
    runs: int = 0
    #: Of a queue.
    trouble: QueueTrouble | None = None
    #: Of an agent: those that it served.
    queues: frozenset[str | None] = frozenset()
    #: Of a release: the locations that still suffer from it.
    names: frozenset[str] = frozenset()


def problems_of(
    *,
    parts: Sequence[ServerPart],
    placed: Sequence[PlacedLocation],
    silent: Sequence[SilentAgent],
    releases: Sequence[ReleaseLine],
    queues: Sequence[QueueView],
    callers: Sequence[RefusedCaller],
) -> tuple[Problem, ...]:
    """Everything that is wrong: what stands still first, then by age, the oldest first.

    Args:
        parts: of the control plane.
        placed: all locations.
        silent: agents that are gone.
        releases: of all deployments, the newest first.
        queues: all of them.
        callers: who was refused lately.
    """
    failed = _failed_releases(placed, releases)
    covered = {(line.deployment, name) for line, names in failed for name in names}
    found = [
        *(_part(each) for each in parts if not each.is_well and each.name not in _AGENTS),
        *_unserved(placed, queues),
        *filter(None, map(_held, queues)),
        *(_agent(each, placed) for each in silent),
        *(_release(line, names) for line, names in failed),
        *_in_error(placed, covered),
        *_callers(callers),
    ]
    return in_order(found)


def in_order(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """What stands still first, then by age, the oldest first."""
    return tuple(sorted(found, key=lambda each: (each.weight is not Weight.WRONG, each.since or 0)))


def _part(part: ServerPart) -> Problem:
    return Problem(
        kind=ProblemKind.SERVER,
        weight=Weight.WRONG,
        title=f"The control plane's {part.name}",
        says=part.says,
        object=part.name,
    )


def _unserved(placed: Iterable[PlacedLocation], queues: Iterable[QueueView]) -> Iterator[Problem]:
    """One problem for each queue and reason; its runs are those of the whole queue."""
    runs = {view.queue.name: view.runs.count for view in queues}
    groups: dict[tuple[str | None, str], list[PlacedLocation]] = defaultdict(list)
    for each in placed:
        if each.status.condition is Condition.UNSERVED:
            groups[each.location.queue, each.status.reason or ""].append(each)
    for (queue, reason), those in groups.items():
        since = [each.status.since for each in those if each.status.since is not None]
        places = list(dict.fromkeys(each.deployment.called for each in those))
        only = those[0].deployment.name if len(places) == 1 else None
        yield Problem(
            kind=ProblemKind.QUEUE,
            weight=Weight.WRONG,
            title=f"Nobody serves {name_queue(queue)}",
            says=reason if only else f"In {named(places)}. {reason}",
            deployment=only,
            object=queue,
            since=min(since, default=None),
            locations=len(those),
            runs=runs.get(queue, 0),
            trouble=QueueTrouble.UNSERVED,
        )


def _held(view: QueueView) -> Problem | None:
    """A queue whose runs wait though somebody serves it."""
    named = name_queue(view.queue.name)
    pause, runs = view.pause, view.runs.count
    if pause is not None:
        trouble = QueueTrouble.PAUSED
        title, since = f"{named.capitalize()} is paused", pause.since
        note = f": {pause.note}" if pause.note else ""
        says = f"By {pause.by}{note}. Its queued runs wait until it is resumed."
    elif view.is_late:
        trouble = QueueTrouble.LATE
        title, since = f"Runs of {named} wait too long", view.runs.oldest_at or view.at
        says = "The oldest waits longer than the longest wait of the queue. See what holds it."
    else:
        return None
    return Problem(
        kind=ProblemKind.QUEUE,
        weight=Weight.ATTENTION,
        title=title,
        says=says,
        object=view.queue.name,
        since=since,
        runs=runs,
        trouble=trouble,
    )


def _callers(callers: Sequence[RefusedCaller]) -> Iterator[Problem]:
    if callers:
        newest = callers[0]
        one = len(callers) == 1
        yield Problem(
            kind=ProblemKind.CALLERS,
            weight=Weight.ATTENTION,
            title="A caller was refused" if one else f"{len(callers)} callers were refused",
            says=f"{newest.name}, from {newest.address or 'an unknown address'}: {newest.reason}",
            since=max(caller.last_at for caller in callers),
        )


def _agent(agent: SilentAgent, placed: Iterable[PlacedLocation]) -> Problem:
    left = [
        each
        for each in placed
        if each.status.condition is Condition.UNSERVED
        and each.location.queue in agent.queues
        and (each.deployment.is_branch or each.deployment.name in agent.deployments)
    ]
    queues = ", ".join(sorted(map(describe_queue, agent.queues)))
    goes_on = "" if left else " Other agents serve its queues meanwhile."
    return Problem(
        kind=ProblemKind.AGENT,
        weight=Weight.WRONG if left else Weight.ATTENTION,
        title=f"Agent {agent.name} is down",
        says=f"It served {queues or 'no queue'}.{goes_on} Start it again, or forget it if it is "
        "gone for good.",
        object=agent.agent_id,
        since=agent.heard_at,
        locations=len(left),
        queues=agent.queues,
    )


def _failed_releases(
    placed: Iterable[PlacedLocation], releases: Sequence[ReleaseLine]
) -> list[tuple[ReleaseLine, frozenset[str]]]:
    """The newest releases that failed, with the locations that still suffer from them."""
    suffering: dict[str, set[str]] = defaultdict(set)
    for each in placed:
        # One that serves nothing has a line of its own.
        if each.status.serves is not None and each.location.notice is not None:
            suffering[each.deployment.name].add(each.location.name)
    found = []
    for line in sorted(releases, key=lambda line: line.number, reverse=True):
        names = suffering[line.deployment] & set(line.parts)
        suffering[line.deployment] -= set(line.parts)
        if names and line.state in _FAILED:
            found.append((line, frozenset(names)))
    return found


def _release(line: ReleaseLine, names: Collection[str]) -> Problem:
    failed = line.failed or tuple(sorted(names))
    return Problem(
        kind=ProblemKind.RELEASE,
        weight=Weight.ATTENTION,
        title=f"Release {line.number} failed",
        says=f"{named(failed)} did not load. What was live before still serves. Mend the code and "
        "deploy again.",
        deployment=line.deployment,
        object=str(line.number),
        since=line.ended_at,
        locations=len(names),
        names=frozenset(names),
    )


def _in_error(
    placed: Iterable[PlacedLocation], covered: Collection[tuple[str, str]]
) -> Iterator[Problem]:
    for each in placed:
        status, name = each.status, each.location.name
        if status.condition not in {Condition.IN_ERROR, Condition.HEALING}:
            continue
        if status.is_usable and (each.deployment.name, name) in covered:
            continue
        yield Problem(
            kind=ProblemKind.LOCATION,
            weight=Weight.ATTENTION if status.is_usable else Weight.WRONG,
            title=f"{name} is {status.condition}" if not status.tries else f"{name} does not heal",
            says=status.reason or each.location.notice or "Its code cannot be loaded.",
            deployment=each.deployment.name,
            object=name,
            since=status.since or each.location.updated_at,
            locations=1,
        )


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
