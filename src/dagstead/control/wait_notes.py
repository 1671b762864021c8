"""The runs that have not started, each with its reason: for lists, and for their logs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from dagstead.control.absences import Absences
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.control.survey import Survey
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.reasons import Reason, ReasonCode, RunWait, RunWaits

#: Events that are written in one round: of more, the rest follows in the next.
_MOST_NOTED = 100
#: Of those that are looked at for their logs.
_MOST_LOOKED_AT = 2_000
#: A run whose start takes no longer needs no explanation.
_PATIENCE_SECONDS = 10.0
#: Neither does one that somebody is working on.
_WORKING_SECONDS = 60.0
_WORKING = frozenset(
    {
        ReasonCode.POPPED_NOT_ANSWERED,
        ReasonCode.SERVER_STARTING,
        ReasonCode.WAITS_FOR_DEQUEUE,
        ReasonCode.WORKER_STARTING,
    }
)


@dataclass(frozen=True, slots=True)
class WaitNotes:
    """Acts that write into the logs of runs why they wait."""

    _backend: Backend

    def note(self, actor: Actor) -> list[RunWait]:
        """Write down the reason of every run that waits for some time, if it is another one.

        Returns:
            The runs whose logs got an event.
        """
        actor.require_system("Writing into the logs of runs why they wait")
        store = self._backend.store
        store.noted_waits.forget(ORGANIZATION)
        waiting = waiting_runs(self._backend, None, _MOST_LOOKED_AT)
        if not waiting.rows:
            return []
        now = self._backend.now()
        known = store.noted_waits.all(ORGANIZATION)
        every = {each.name: each for each in store.deployments.all()}
        new = [
            row
            for row in waiting.rows
            if _is_due(row, now) and known.get((row.deployment, row.run_id)) != row.reason.key
        ]
        return [
            row
            for row in new[:_MOST_NOTED]
            if self._note(every[row.deployment], row.run_id, row.reason, "It waits.")
        ]

    def note_unserved(
        self, actor: Actor, deployment: Deployment, run_id: str, location: str, queue: str | None
    ) -> None:
        """Write it into the log of a run that is launched if nobody serves its queue."""
        actor.require_system("Writing into the logs of runs why they wait")
        reason = Absences(Roster.of(self._backend)).of(deployment, location, queue)
        if reason is not None:
            self._note(deployment, run_id, reason, "Waiting for an agent.")

    def _note(self, deployment: Deployment, run_id: str, reason: Reason, first: str) -> bool:
        if not self._backend.store.noted_waits.note(deployment.name, run_id, reason.key):
            return False
        self._backend.orchestration.note(deployment, run_id, f"{first} {reason.in_full}")
        return True


def waiting_runs(backend: Backend, deployments: Collection[str] | None, limit: int) -> RunWaits:
    """The runs that have not started, with their reasons; the oldest first.

    Args:
        backend: with everything.
        deployments: whose runs; ``None`` is all of them.
        limit: of the rows.
    """
    launches, total = backend.store.waits.runs(ORGANIZATION, deployments, limit)
    if not launches:
        return RunWaits(rows=(), total=total)
    every = {each.name: each for each in backend.store.deployments.all()}
    survey = Survey.of(backend)
    rows = [
        row
        for name, own in _by_deployment(launches).items()
        if name in every
        for row in _rows(survey, every[name], own)
    ]
    return RunWaits(rows=sorted(rows, key=lambda row: row.since), total=total)


def _rows(survey: Survey, deployment: Deployment, launches: dict[str, Launch]) -> Iterator[RunWait]:
    queue = survey.backend.orchestration.run_queue(deployment, launches.keys())
    reasons = survey.runs(deployment, launches, queue)
    runs = {run.run_id: run for run in (*queue.active, *queue.queued)}
    for run_id, launch in launches.items():
        reason = reasons.get(run_id)
        if reason is not None and reason.is_waiting:
            location = runs[run_id].location
            yield RunWait(
                run_id=run_id,
                deployment=deployment.name,
                location=location,
                queue=survey.queue_for(deployment, location, launch),
                since=launch.created_at,
                reason=reason,
            )


def _by_deployment(launches: Iterable[Launch]) -> dict[str, dict[str, Launch]]:
    found: dict[str, dict[str, Launch]] = defaultdict(dict)
    for launch in launches:
        found[launch.deployment][launch.run_id] = launch
    return found


def _is_due(row: RunWait, now: float) -> bool:
    """Whether a run waits long enough that its log should say why."""
    code = row.reason.code
    if code is ReasonCode.ENDING or now - row.since < _PATIENCE_SECONDS:
        return False
    return code not in _WORKING or now - (row.reason.since or row.since) >= _WORKING_SECONDS
