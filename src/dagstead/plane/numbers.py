"""How a control plane does, in numbers: for metrics, and for whoever starts and stops agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from dagstead.plane.health import ServerPart
from dagstead.plane.labels import OTHERS, deployment_label, most_wanted, queue_label
from dagstead.plane.queue_views import Backlog

#: How many things at a time an agent is expected to see to, unless somebody says otherwise.
WORK_OF_AN_AGENT = 20
_NOTHING = Backlog()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueNumbers:
    """One queue, over all deployments, or several under one label."""

    #: Requests that wait for an agent, and those that an agent has and has not answered; of these,
    #: those that launch runs.
    waiting: Backlog = _NOTHING
    taken: int = 0
    launching: int = 0
    #: Runs in the run queue; those that count for the limit; and of these, those with an agent.
    queued_runs: Backlog = _NOTHING
    running: int = 0
    with_agent: int = 0
    agents: int = 0
    locations: int = 0
    #: How long no agent has served it, though something is to be served.
    unserved_seconds: float = 0.0
    is_paused: bool = False
    #: As somebody has set them; ``None`` where nobody has, and for several under one label.
    limit: int | None = None
    longest_wait_seconds: float | None = None
    #: When the code of one of its locations was last asked for in vain, as no agent served it.
    missed_at: float | None = None

    @property
    def is_used(self) -> bool:
        """Whether anything would need an agent."""
        return bool(self.locations or self.waiting.count or self.queued_runs.count or self.running)

    @property
    def startable_runs(self) -> int:
        """How many of its queued runs would start if there were agents."""
        if self.is_paused:
            return 0
        if self.limit is None:
            return self.queued_runs.count
        return min(self.queued_runs.count, max(0, self.limit - self.running))

    def with_more(self, other: QueueNumbers) -> QueueNumbers:
        """Both under one label: of agents those of the queue that has fewest, and is in use."""
        agents = [each.agents for each in (self, other) if each.is_used]
        return QueueNumbers(
            waiting=self.waiting.with_more(other.waiting),
            taken=self.taken + other.taken,
            launching=self.launching + other.launching,
            queued_runs=self.queued_runs.with_more(other.queued_runs),
            running=self.running + other.running,
            with_agent=self.with_agent + other.with_agent,
            agents=min(agents, default=max(self.agents, other.agents)),
            locations=self.locations + other.locations,
            unserved_seconds=max(self.unserved_seconds, other.unserved_seconds),
            is_paused=self.is_paused or other.is_paused,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentNumbers:
    """One deployment, or several under one label."""

    #: Runs that have not ended, by how far they are: queued, starting, started.
    runs: Mapping[str, int] = field(default_factory=dict)
    #: Locations by the state of their newest load.
    locations: Mapping[str, int] = field(default_factory=dict)

    def with_more(self, other: DeploymentNumbers) -> DeploymentNumbers:
        """Both under one label."""
        return DeploymentNumbers(
            runs=_sums((self.runs, other.runs)),
            locations=_sums((self.locations, other.locations)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaneNumbers:
    """Everything at one time."""

    at: float
    parts: Sequence[ServerPart]
    #: ``None`` is the default queue.
    queues: Mapping[str | None, QueueNumbers]
    deployments: Mapping[str, DeploymentNumbers]
    branches: frozenset[str]
    #: What was counted, by what it is, its label, and its detail.
    tallies: Mapping[tuple[str, str, str], float]

    def labelled_queues(self) -> Mapping[str, QueueNumbers]:
        """The queues by their labels, no more than so many."""
        named: dict[str, QueueNumbers] = {}
        for queue, numbers in self.queues.items():
            label = queue_label(queue)
            named[label] = named[label].with_more(numbers) if label in named else numbers
        kept = most_wanted(named, lambda label: not named[label].is_used)
        found: dict[str, QueueNumbers] = {}
        for label, numbers in named.items():
            own = label if label in kept else OTHERS
            found[own] = found[own].with_more(numbers) if own in found else numbers
        return found

    def labelled_deployments(self) -> Mapping[str, DeploymentNumbers]:
        """The deployments by their labels, no more than so many; branches are one."""
        labels = {
            name: deployment_label(name, is_branch=name in self.branches)
            for name in self.deployments
        }
        kept = most_wanted(labels.values(), lambda _: 0)
        found: dict[str, DeploymentNumbers] = {}
        for name, numbers in self.deployments.items():
            own = labels[name] if labels[name] in kept else OTHERS
            found[own] = found[own].with_more(numbers) if own in found else numbers
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueScale:
    """How much a queue has to do, for whoever starts and stops its agents."""

    queue: str | None
    #: Requests and runs that wait for an agent, and callers who just waited for one in vain.
    waiting: int
    #: Requests that an agent has, and runs that are with one.
    running: int
    oldest_seconds: float
    agents: int
    desired_agents: int

    @property
    def work(self) -> int:
        """All of it: while there is any, an agent is needed."""
        return self.waiting + self.running


#: Whoever starts and stops agents asks at least so often what they have to do.
SCALED_SECONDS = 120.0
#: A caller that found no agent is counted for so long: it asks again, or somebody does.
MISSED_SECONDS = 120.0


def scale_of(
    queue: str | None, numbers: QueueNumbers, now: float, work_of_an_agent: int
) -> QueueScale:
    """The signal of one queue.

    Runs that a pause or a limit holds need no agent, and are left out.
    """
    missed = numbers.missed_at is not None and now - numbers.missed_at < MISSED_SECONDS
    waiting = numbers.waiting.count + numbers.startable_runs
    running = numbers.taken - numbers.launching + numbers.with_agent
    # Who waited in vain is gone; that one stands for it until something waits in its place.
    waiting = waiting or int(missed and not running)
    oldest = numbers.waiting.oldest_at
    return QueueScale(
        queue=queue,
        waiting=waiting,
        running=running,
        oldest_seconds=0.0 if oldest is None else max(0.0, now - oldest),
        agents=numbers.agents,
        desired_agents=ceil((waiting + running) / work_of_an_agent),
    )


def _sums(several: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for counts in several:
        for name, number in counts.items():
            found[name] = found.get(name, 0) + number
    return found
