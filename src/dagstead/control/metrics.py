"""Views of how the control plane does, in numbers, and how much every queue has to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.counting import require_metrics
from dagstead.control.health import parts_now
from dagstead.control.roster import Roster
from dagstead.errors import InvalidInputError
from dagstead.plane.agent_keys import AgentKey
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import LaunchState
from dagstead.plane.numbers import (
    WORK_OF_AN_AGENT,
    DeploymentNumbers,
    PlaneNumbers,
    QueueNumbers,
    QueueScale,
    scale_of,
)
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import RequestState
from dagstead.plane.tallies import Tallied
from dagstead.store.numbers import Counts, LaunchCount, RequestCount

_IN_RUN_QUEUE = frozenset({LaunchState.QUEUED, LaunchState.DEQUEUED})
_WITH_AGENT = frozenset({LaunchState.TAKEN, LaunchState.BEGUN})
#: The most that one agent can be expected to do at a time.
_MOST_WORK = 100_000


@dataclass(frozen=True, slots=True)
class Metrics:
    """Views of numbers, and acts that count."""

    _backend: Backend

    def numbers(self, actor: Actor) -> PlaneNumbers:
        """Everything at one time, in a few statements.

        Raises:
            ForbiddenError: for all but unlimited users, and tokens for metrics.
            StoreAwayError: when the database does not answer.
        """
        require_metrics(actor, "Reading metrics")
        counts = self._backend.store.numbers.all(ORGANIZATION)
        roster = Roster.of(self._backend)
        return PlaneNumbers(
            at=self._backend.now(),
            parts=parts_now(self._backend),
            queues=_queues(counts, roster.living),
            deployments=_deployments(counts),
            branches=frozenset(name for name, is_branch in counts.deployments.items() if is_branch),
            tallies=counts.tallies,
        )

    def scale(
        self, actor: Actor, queue: str | None, work_of_an_agent: int = WORK_OF_AN_AGENT
    ) -> QueueScale:
        """How much a queue has to do, for whoever starts and stops its agents.

        While somebody asks for that, callers who need an agent of the queue wait for one.

        Args:
            actor: asks.
            queue: by name; ``None`` is the default queue. One that nobody uses has nothing to do.
            work_of_an_agent: how many things at a time one agent is to see to.

        Raises:
            ForbiddenError: for all but unlimited users, and tokens for metrics that grant the
                queue.
            InvalidInputError: when the amount of work cannot be.
        """
        require_metrics(actor, "Reading the work", queue)
        if not 1 <= work_of_an_agent <= _MOST_WORK:
            raise InvalidInputError(
                f"An agent cannot see to {work_of_an_agent} things at a time: say a number from 1 "
                f"to {_MOST_WORK:,}."
            )
        counts = self._backend.store.numbers.all(ORGANIZATION)
        every = _queues(counts, Roster.of(self._backend).living)
        if queue in every:
            self._backend.store.queue_calls.scaled(ORGANIZATION, queue)
        numbers = every.get(queue, QueueNumbers())
        return scale_of(queue, numbers, self._backend.now(), work_of_an_agent)

    def count_events(self, actor: Actor, deployment: Deployment, number: int) -> None:
        """Count events that an agent or a worker has sent, and that are stored."""
        actor.require_code(deployment)
        self._backend.store.tallies.tally.count(Tallied.EVENTS, deployment.name, number=number)

    def write_down(self, actor: Actor) -> bool:
        """Add to the database what this process has counted; returns whether it took that now."""
        actor.require_system("Writing down what was counted")
        return self._backend.store.tallies.write_down(ORGANIZATION)

    def purge(self, actor: Actor, older_than_seconds: float) -> None:
        """Forget calls for queues, and traces, from that long ago."""
        actor.require_system("Purging calls for queues")
        self._backend.store.queue_calls.purge(ORGANIZATION, older_than_seconds)


def _queues(counts: Counts, living: Sequence[Heartbeat]) -> Mapping[str | None, QueueNumbers]:
    found: dict[str | None, QueueNumbers] = {}
    for queue, more in _pieces(counts, living):
        before = found.get(queue, QueueNumbers())
        found[queue] = replace(before.with_more(more), agents=before.agents + more.agents)
    for queue, calls in counts.calls.items():
        if queue in found:
            found[queue] = replace(found[queue], missed_at=calls.missed_at)
    return found


def _pieces(
    counts: Counts, living: Sequence[Heartbeat]
) -> Iterator[tuple[str | None, QueueNumbers]]:
    for asked in counts.requests:
        yield asked.queue, _of_requests(asked)
    for launch in counts.launches:
        if launch.has_queue:
            queued = launch.count if launch.state in _IN_RUN_QUEUE else 0
            runs = launch.count if launch.state in _WITH_AGENT else 0
            yield launch.queue, QueueNumbers(queued_runs=queued, runs=runs)
    for location in counts.locations:
        yield location.queue, QueueNumbers(locations=location.count)
    agents: dict[str | None, set[AgentKey]] = {}
    for beat in living:
        for queue in beat.queues:
            agents.setdefault(queue, set()).add(beat.key)
    for queue, keys in agents.items():
        yield queue, QueueNumbers(agents=len(keys))


def _of_requests(asked: RequestCount) -> QueueNumbers:
    if asked.state is RequestState.WAITING:
        return QueueNumbers(waiting=asked.count, oldest_at=asked.oldest_at)
    launching = asked.count if asked.launches_run else 0
    return QueueNumbers(taken=asked.count, launching=launching)


def _deployments(counts: Counts) -> Mapping[str, DeploymentNumbers]:
    found = {name: DeploymentNumbers() for name in counts.deployments}

    def add(name: str, more: DeploymentNumbers) -> None:
        found[name] = found.get(name, DeploymentNumbers()).with_more(more)

    for launch in counts.launches:
        add(launch.deployment, DeploymentNumbers(runs={_progress(launch): launch.count}))
    for location in counts.locations:
        add(location.deployment, DeploymentNumbers(locations={location.state: location.count}))
    return found


def _progress(launch: LaunchCount) -> str:
    if launch.is_started:
        return "started"
    return "queued" if launch.state is LaunchState.QUEUED else "starting"
