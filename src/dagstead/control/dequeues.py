"""How runs leave the run queue: every daemon of every deployment asks here.

Runs that a queue holds stay QUEUED in Dagster's storage. Held later they would be STARTING, and the
limit for their start would end them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.model.queues import name_queue
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import End, Fall
from dagstead.plane.launches import How, LaunchEnd, RunEnd
from dagstead.plane.locations import Location
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queue_board import (
    Choice,
    HoldKind,
    QueueBoard,
    QueueHold,
    WaitingRun,
    choose,
)
from dagstead.plane.queue_fallback import why_not
from dagstead.plane.queues import FallbackKind, Queue


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInLine:
    """A run that Dagster's storage shows as queued."""

    run_id: str
    #: ``None`` for a run that belongs to no location.
    location: str | None


@dataclass(frozen=True, slots=True)
class Dequeues:
    """Acts of the daemons that take runs from the run queue."""

    _backend: Backend

    def wake(self, actor: Actor, deployment: Deployment) -> None:
        """Have the daemon of a deployment look at its run queue now.

        Call it when Dagster's storage shows the change: what the daemon finds there is all it sees.
        """
        actor.require_system("Taking runs from the run queue")
        self._backend.bell.ring(bell.run_queue(deployment.name))

    def listen(self, actor: Actor, deployment: Deployment) -> AbstractContextManager[bell.Listener]:
        """Begin to hear of what may let a queued run of a deployment start.

        A place that a run of another deployment leaves in a limit which both share rings no bell
        here: every daemon looks by itself as well.
        """
        actor.require_system("Taking runs from the run queue")
        return self._backend.bell.listen(bell.run_queue(deployment.name), bell.queues())

    def look(self, actor: Actor, deployment: Deployment, runs: Sequence[RunInLine]) -> Choice:
        """Which of these runs may be taken now, in which order, and what holds the others.

        Runs whose queue nobody serves for too long fail, or go to another queue, as the queue's
        fallback says.

        Args:
            actor: the control plane.
            deployment: of the runs.
            runs: in the order that they have without queues.
        """
        actor.require_system("Taking runs from the run queue")
        board = board_of(self._backend)
        if not any(queue.holds for queue in board.queues.values()):
            # Nothing is to be known of them. Their queues are looked up when they are launched.
            plain = [_unheld(run, board.now) for run in runs]
            return Choice(order=tuple(plain))
        waiting = self._waiting(deployment, runs, board.now)
        unserved = _Unserved(self._backend, deployment, board).look(waiting)
        free = [run for run in waiting if run.run_id not in unserved]
        choice = choose(free, board)
        return replace(choice, held={**choice.held, **unserved})

    def admit(self, actor: Actor, deployment: Deployment, run: RunInLine) -> QueueHold | None:
        """Take a run from the run queue, unless its queue holds it; returns what holds it.

        A queue may have been paused, or its last slot taken, since the look at all of them.
        """
        actor.require_system("Taking runs from the run queue")
        store = self._backend.store
        holding = {
            queue.name
            for queue in store.queues.all(ORGANIZATION)
            if queue.limit is not None or queue.pause is not None
        }
        if not holding:
            return None
        launch = store.launches.newest(deployment.name, run.run_id)
        if launch is not None and launch.has_queue:
            queue = launch.queue
        else:
            queue = self._queues_now(deployment).get(run.location or "")
        if queue not in holding:
            return None
        waiting = replace(_unheld(run, self._backend.now()), queue=queue)
        found = store.queues.admit(ORGANIZATION, deployment.name, waiting)
        return found if isinstance(found, QueueHold) else None

    def put_back(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """A run was taken, and is still in the run queue: its slot is free again."""
        actor.require_system("Taking runs from the run queue")
        self._backend.store.launches.submit(deployment.name, run_id, None)

    def _waiting(
        self, deployment: Deployment, runs: Sequence[RunInLine], now: float
    ) -> list[WaitingRun]:
        ids = [run.run_id for run in runs]
        known = self._backend.store.queues.queued(deployment.name, ids)
        # Those that were queued before runs had queues.
        missing = any(run.run_id not in known for run in runs)
        queues = self._queues_now(deployment) if missing else {}
        return [
            known.get(run.run_id)
            or replace(_unheld(run, now), queue=queues.get(run.location or ""))
            for run in runs
        ]

    def _queues_now(self, deployment: Deployment) -> Mapping[str, str | None]:
        every = self._backend.store.locations.all(deployment.name)
        return {location.name: location.queue for location in every}


def board_of(backend: Backend) -> QueueBoard:
    """What is known of queues now; one statement, or two where a queue has a limit."""
    queues = {queue.name: queue for queue in backend.store.queues.all(ORGANIZATION)}
    limited = [name for name, queue in queues.items() if queue.limit is not None]
    holders = backend.store.queues.holders(ORGANIZATION, limited) if limited else {}
    return QueueBoard(now=backend.now(), queues=queues, holders=holders)


def _unheld(run: RunInLine, now: float) -> WaitingRun:
    return WaitingRun(run_id=run.run_id, location=run.location, queue=None, since=now)


@dataclass(frozen=True, slots=True)
class _Unserved:
    """What becomes of runs whose queue has a fallback, and no agent."""

    backend: Backend
    deployment: Deployment
    board: QueueBoard

    def look(self, runs: Iterable[WaitingRun]) -> Mapping[str, QueueHold]:
        """What holds them in the run queue."""
        concerned = [run for run in runs if self._may_fall(run)]
        if not concerned:
            return {}
        roster = Roster.of(self.backend)
        every = self.backend.store.locations.all(self.deployment.name)
        return dict(self._held(concerned, roster, {each.name: each for each in every}))

    def _may_fall(self, run: WaitingRun) -> bool:
        queue = self.board.queue(run.queue)
        is_paused = queue.pause_at(self.board.now) is not None
        stays = is_paused or run.has_fallen or run.has_slot
        return queue.fallback.kind is not FallbackKind.WAIT and not stays

    def _held(
        self, runs: Iterable[WaitingRun], roster: Roster, locations: Mapping[str, Location]
    ) -> Iterator[tuple[str, QueueHold]]:
        known: dict[tuple[str, str | None], tuple[str | None, bool]] = {}
        for run in runs:
            location = locations.get(run.location or "")
            if location is None:
                # It fails when it is launched, with that reason.
                continue
            place = (location.name, run.queue)
            if place not in known:
                known[place] = (
                    roster.why_unserved(self.deployment, *place),
                    roster.awaits_heartbeat(self.deployment, *place),
                )
            (reason, awaits_heartbeat), queue = known[place], self.board.queue(run.queue)
            if reason is not None:
                yield run.run_id, self._act(run, queue, location, roster, reason)
            elif awaits_heartbeat:
                # Once it was offered to a queue, it goes to no other one.
                soon = f"An agent that may serve {name_queue(run.queue)} has just started."
                yield run.run_id, QueueHold(kind=HoldKind.UNSERVED, queue=queue, reason=soon)

    def _act(
        self, run: WaitingRun, queue: Queue, location: Location, roster: Roster, reason: str
    ) -> QueueHold:
        hold = QueueHold(kind=HoldKind.UNSERVED, queue=queue, reason=reason)
        heard_at = roster.unserved_since(self.deployment, location.name, run.queue)
        since = max(run.since, heard_at or 0.0)
        if self.board.now - since < (queue.longest_wait_seconds or 0.0):
            return hold
        if queue.fallback.kind is FallbackKind.FAIL:
            self._fail(run, queue, reason)
            return hold
        target = self.board.queue(queue.fallback.queue)
        agents = roster.serving_queue(self.deployment, location, target.name)
        refusal = why_not(location, self.deployment, target, agents, self.board.now)
        if refusal is not None:
            return replace(hold, reason=f"{reason} {refusal}")
        self._move(run, queue, target, reason)
        return hold

    def _move(self, run: WaitingRun, queue: Queue, target: Queue, reason: str) -> None:
        deployment = self.deployment
        step = self.backend.store.launches.step(
            deployment.name, run.run_id, Fall(queue=target.name)
        )
        if step.counts:
            sentence = (
                f"{reason} The run goes to {name_queue(target.name)}, the fallback of "
                f"{name_queue(queue.name)}."
            )
            self.backend.orchestration.note(self.deployment, run.run_id, sentence)

    def _fail(self, run: WaitingRun, queue: Queue, reason: str) -> None:
        minutes = (queue.longest_wait_seconds or 0.0) / 60
        ending = LaunchEnd(
            status=RunEnd.FAILURE,
            how=How.OVERDUE,
            by=f"the fallback of {name_queue(queue.name)}",
            reason=f"{reason} It has waited longer than {minutes:g} minutes, and the fallback of "
            f"{name_queue(queue.name)} is that runs fail.",
        )
        # It waits in the run queue: there is no request of it to drop.
        deployment = self.deployment
        step = self.backend.store.launches.step(deployment.name, run.run_id, End(ending=ending))
        if step.counts and step.launch is not None:
            self.backend.orchestration.show_end(self.deployment, step.launch)
