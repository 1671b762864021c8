"""Runs of all deployments: found by a part of their ids, and canceled while they wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import ConflictError, NotFoundError
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.roles import Permission
from dagstead.plane.run_queue import RunStatus

_WAITING = frozenset({RunStatus.NOT_STARTED, RunStatus.QUEUED, RunStatus.STARTING})
#: Of any id; fewer would find every run.
_SHORTEST_PART = 3


class Cancellation(StrEnum):
    """What became of a run that was canceled."""

    #: It has ended.
    DONE = "done"
    #: Its agent has to end it first, and is there.
    ASKED = "asked"
    #: No live agent can end it: it ends once it is known that nothing runs.
    OUT_OF_REACH = "out of reach"


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundRun:
    """A run whose id has what was sought."""

    run_id: str
    deployment: str
    location: str | None


@dataclass(frozen=True, slots=True)
class Runs:
    """An act on runs that wait, and a view of all."""

    _backend: Backend

    def find(self, actor: Actor, part: str, limit: int) -> Sequence[FoundRun]:
        """The runs with these characters in their ids, the newest first.

        Args:
            actor: who looks.
            part: of an id; one or two characters find nothing.
            limit: of the runs.

        Raises:
            ForbiddenError: for actors who may only deploy some locations.
        """
        actor.require_whole("looking at runs")
        actor.refuse_code("Looking at runs")
        if len(part) < _SHORTEST_PART:
            return ()
        store = self._backend.store
        granted = {each.name for each in store.deployments.all() if actor.grants(each)}
        return [
            FoundRun(run_id=launch.run_id, deployment=launch.deployment, location=launch.location)
            for launch in store.waits.runs_with(ORGANIZATION, granted, part, limit)
        ]

    def cancel(self, actor: Actor, deployment: Deployment, run_id: str) -> Cancellation:
        """Have a run that has not started end as canceled.

        Args:
            actor: who wants it.
            deployment: of the run.
            run_id: the run.

        Raises:
            ForbiddenError: when the actor may not terminate runs of its location.
            NotFoundError: when there is none of that id.
            ConflictError: when it has started or ended meanwhile; it is left as it is.
        """
        actor.require_reading(deployment, "canceling runs")
        actor.require_user()
        run = self._backend.orchestration.run(deployment, run_id)
        location = None if run is None else run.location
        here = () if location is None else (location,)
        actor.require_permission(Permission.LAUNCH, deployment, here)
        if run is None:
            raise NotFoundError(f"There is no run {run_id!r} in deployment {deployment.name!r}.")
        if run.status not in _WAITING:
            says = "has started" if run.status is RunStatus.STARTED else f"is {run.status}"
            raise ConflictError(
                f"Run {run_id[:8]} {says} meanwhile, and was left as it is. The Dagster UI "
                "terminates runs that are under way."
            )
        is_carried_out = self._backend.orchestration.terminate(deployment, run_id)
        after = self._backend.orchestration.run(deployment, run_id)
        if after is None or after.status is RunStatus.CANCELED:
            return Cancellation.DONE
        return Cancellation.ASKED if is_carried_out else Cancellation.OUT_OF_REACH
