"""What Dagster stores for a deployment, and what of it an agent may write.

All agents of a deployment read its runs, events and assets: sensors follow the runs of other
locations, and code loads assets of others. What an agent writes is another matter. With a token for
every queue, it may write to all of the deployment. With a token for some queues, it may write:

- to runs that were launched there; to runs that wait for their launch, if their location is there;
  and to runs that its own code has stored, and that belong to no location
- what belongs to locations there: schedules and sensors, backfills of jobs, the history of assets
- what belongs to no location, and user code has to change: dynamic partitions, pools, events that
  belong to no run, and the version of a component's state

User code in a managed pool has a token of its own. It may write to its run and to the runs that it
has made, a code server to the runs that are executed in it; to what belongs to its location; and to
what user code has to change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.locations import find_location, require_location
from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import RunPlace
from dagstead.plane.roles import Permission
from dagstead.plane.workers import Worker

#: The id under which events are stored that belong to no run.
_NO_RUN = ""


@dataclass(frozen=True, slots=True)
class DagsterData:
    """Checks of what agents write there. The data itself is in Dagster's storage."""

    _backend: Backend

    def require_runs(self, actor: Actor, deployment: Deployment, run_ids: Collection[str]) -> None:
        """Refuse unless the actor may write to all of these runs.

        An id that no run has is nobody's: agents may send events that belong to no run.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        actor.require_reach(deployment)
        actor.require_whole("writing to a deployment")
        actor.require_permission_somewhere(Permission.LAUNCH, deployment)
        require_runs(self._backend, actor, deployment, run_ids)

    def require_new_run(
        self, actor: Actor, deployment: Deployment, location: str | None
    ) -> int | None:
        """Refuse unless the actor may store a run of that location.

        Args:
            actor: the agent.
            deployment: of the run.
            location: that the run belongs to; ``None`` when it belongs to none.

        Returns:
            The token to store with a run that belongs to no location, for
            :attr:`RunOrigin.stored_by`.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        actor.require_code(deployment)
        if location is not None:
            require_location(self._backend, actor, deployment, location)
            return None
        return None if actor.serves_every_queue or actor.token is None else actor.token.id

    def require_locations(
        self, actor: Actor, deployment: Deployment, names: Collection[str]
    ) -> None:
        """Refuse unless the actor may write what belongs to these locations.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        actor.require_code(deployment)
        for name in names:
            require_location(self._backend, actor, deployment, name)

    def require_assets(
        self, actor: Actor, deployment: Deployment, locations: Callable[[], Collection[str]]
    ) -> None:
        """Refuse unless the actor may change the history of an asset.

        Args:
            actor: the agent.
            deployment: of the asset.
            locations: the names of those that make the asset. Is called only if it matters: the
                answer means reading all definitions.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        actor.require_code(deployment)
        if actor.serves_every_queue:
            return
        names = locations()
        if not names:
            actor.require_every_queue(deployment, "An asset that no location makes")
        self.require_locations(actor, deployment, names)

    def computes_states(self, actor: Actor, deployment: Deployment) -> bool:
        """Whether the state of an asset's partitions is kept that the actor has computed.

        The control plane computes it by itself where it is asked for.
        """
        actor.require_code(deployment)
        return actor.serves_every_queue and actor.worker is None

    def require_all(self, actor: Actor, deployment: Deployment, what: str) -> None:
        """Refuse unless the actor may write what concerns the locations of all queues.

        Args:
            actor: the agent.
            deployment: of the locations.
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        actor.require_code(deployment)
        actor.require_every_queue(deployment, what)


def require_runs(
    backend: Backend, actor: Actor, deployment: Deployment, run_ids: Collection[str]
) -> None:
    """See :meth:`DagsterData.require_runs`."""
    named = sorted({*run_ids} - {_NO_RUN})
    if actor.worker is not None:
        for run_id in named:
            _require_own_run(backend, actor.worker, deployment, run_id)
        return
    if actor.serves_every_queue:
        return
    for run_id in named:
        place = _place_of(backend, deployment, run_id)
        if place is not None:
            actor.require_run(deployment, place)


def _require_own_run(backend: Backend, worker: Worker, deployment: Deployment, run_id: str) -> None:
    """Refuse user code in a managed pool a run that is not its own, and that it has not made."""
    if worker.run_id == run_id:
        return
    if worker.run_id is None:
        launch = backend.store.launches.newest(deployment.name, run_id)
        if launch is not None and worker.executes(launch):
            return
    if not backend.store.workers.has_made(worker, run_id):
        raise not_of_worker(worker, f"run {run_id}")


def not_of_worker(worker: Worker, what: str) -> ForbiddenError:
    """What user code in a managed pool is answered about something that is not its own."""
    return ForbiddenError(
        f"The {worker.name} may not change {what}: code in the managed pool changes its own run, "
        "runs that it has made, and what its deployment shares, such as dynamic partitions."
    )


def _place_of(backend: Backend, deployment: Deployment, run_id: str) -> RunPlace | None:
    """Whose work a run is; ``None`` when no run has this id."""
    launch = backend.store.launches.newest(deployment.name, run_id)
    if launch is not None and launch.request_id:
        return RunPlace(run_id=run_id, queues=frozenset({launch.queue}))
    origin = backend.orchestration.origin_of(deployment, run_id)
    if origin is None:
        return None
    if origin.location is None:
        return RunPlace(run_id=run_id, queues=frozenset(), stored_by=origin.stored_by)
    location = find_location(backend, deployment, origin.location)
    return RunPlace(run_id=run_id, queues=frozenset() if location is None else location.queues)
