"""Views of how the control plane does, in numbers, and how much every queue has to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.backend import Backend
from dagstead.control.counting import require_metrics
from dagstead.control.health import parts_now
from dagstead.control.queue_facts import QueueFacts
from dagstead.errors import InvalidInputError
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
from dagstead.plane.queue_views import QueueView
from dagstead.plane.requests import RequestState
from dagstead.plane.tallies import TallyKind
from dagstead.store.numbers import Counts, LaunchCount
from dagstead.store.queue_calls import QueueCalls

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
        facts = QueueFacts.of(self._backend, SYSTEM)
        return PlaneNumbers(
            at=self._backend.now(),
            parts=parts_now(self._backend),
            queues={name: _queue(facts.view(name), counts) for name in _names(facts, counts)},
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
        facts = QueueFacts.of(self._backend, SYSTEM)
        counts = self._backend.store.numbers.all(ORGANIZATION)
        if queue in _names(facts, counts):
            self._backend.store.queue_calls.scaled(ORGANIZATION, queue)
        numbers = _queue(facts.view(queue), counts)
        return scale_of(queue, numbers, self._backend.now(), work_of_an_agent)

    def count_events(self, actor: Actor, deployment: Deployment, number: int) -> None:
        """Count events that an agent or a worker has sent, and that are stored."""
        actor.require_code(deployment)
        self._backend.store.tallies.tally.count(TallyKind.EVENTS, deployment.name, number=number)

    def write_down(self, actor: Actor) -> bool:
        """Add to the database what this process has counted; returns whether it took that now."""
        actor.require_system("Writing down what was counted")
        return self._backend.store.tallies.write_down(ORGANIZATION)

    def purge(self, actor: Actor, older_than_seconds: float) -> None:
        """Forget calls for queues, and traces, from that long ago."""
        actor.require_system("Purging calls for queues")
        self._backend.store.queue_calls.purge(ORGANIZATION, older_than_seconds)
        self._backend.store.traces.purge(ORGANIZATION, older_than_seconds)


def _names(facts: QueueFacts, counts: Counts) -> set[str | None]:
    """All queues, also those whose requests are all that is left of them."""
    return {*facts.names(), *(asked.queue for asked in counts.requests)}


def _queue(view: QueueView, counts: Counts) -> QueueNumbers:
    name = view.queue.name
    taken = [
        asked
        for asked in counts.requests
        if asked.queue == name and asked.state is RequestState.LEASED
    ]
    since = view.unserved_since
    return QueueNumbers(
        waiting=view.requests,
        taken=sum(asked.count for asked in taken),
        launching=sum(asked.count for asked in taken if asked.launches_run),
        queued_runs=view.runs,
        running=view.running,
        with_agent=sum(
            launch.count
            for launch in counts.launches
            if launch.has_queue and launch.queue == name and launch.state in _WITH_AGENT
        ),
        agents=len(view.agents),
        locations=len(view.locations),
        unserved_seconds=0.0 if since is None else max(0.0, view.at - since),
        is_paused=view.pause is not None,
        limit=view.queue.limit,
        longest_wait_seconds=view.queue.longest_wait_seconds,
        missed_at=counts.calls.get(name, QueueCalls()).missed_at,
    )


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
