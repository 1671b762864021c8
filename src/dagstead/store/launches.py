"""Launches in the database: a step of the launch machine is one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from dagstead.plane.clock import Clock
from dagstead.plane.deployments import DeploymentKind
from dagstead.plane.launch_machine.events import Begin, Event, LaunchOffer, Submission
from dagstead.plane.launch_machine.machine import LaunchStep, advance
from dagstead.plane.launches import Launch, LaunchState, LaunchTags
from dagstead.plane.organization import Organization
from dagstead.plane.requests import LAUNCH_RUN, NewRequest
from dagstead.store.database import Database
from dagstead.store.launch_rows import as_launch
from dagstead.store.requests import insert_request
from dagstead.store.tables import (
    deployments,
    launches,
    locations,
    queue_to_key,
    requests,
)


@dataclass(frozen=True, slots=True)
class LaunchStore:
    """Stores the launches of runs. Methods take the deployment: run ids come from callers."""

    database: Database
    clock: Clock

    def step(self, deployment: str, run_id: str, event: Event) -> LaunchStep:
        """Apply an event to the newest launch of a run, in one transaction."""
        try:
            return self._step(deployment, run_id, event)
        except IntegrityError:
            # Two events made the first launch at once: one of them finds it now.
            return self._step(deployment, run_id, event)

    def submit(self, deployment: str, run_id: str, location: str | None) -> LaunchStep:
        """Record that a run waits, and the queue that its location is on, in one transaction."""
        try:
            return self._submit(deployment, run_id, location)
        except IntegrityError:
            return self._submit(deployment, run_id, location)

    def offer(self, new: NewRequest, tags: LaunchTags) -> LaunchStep:
        """Queue the request for a launch, if the run is still wanted, in one transaction."""
        event = LaunchOffer(
            request_id=new.id,
            location=new.location,
            queue=new.queue,
            tags=tags,
        )
        with self.database.write() as connection:
            step = step_in(connection, new.deployment, str(new.run_id), event, self.clock())
            if step.counts:
                insert_request(connection, new, self.clock())
        return step

    def begin(
        self,
        deployment: str,
        run_id: str,
        agent_id: str,
        *,
        by: int | None,
        grants: frozenset[str | None] | None = None,
    ) -> LaunchStep:
        """Let an agent begin the newest launch of a run, or refuse it, in one transaction.

        Args:
            deployment: of the run.
            run_id: of the run.
            agent_id: of the agent.
            by: its token; ``None`` is the control plane itself.
            grants: the queues that the token grants; ``None`` is all of them.
        """
        with self.database.write() as connection:
            # The request's row first: what gives it back looks there whether it was begun.
            rows = connection.execute(
                select(requests.c.id, requests.c.deliveries, requests.c.leased_by)
                .where(requests.c.deployment == deployment)
                .where(requests.c.run_id == run_id)
                .where(requests.c.api == LAUNCH_RUN)
            ).all()
            event = Begin(
                agent_id=agent_id,
                token_id=by,
                grants=grants,
                deliveries=max((row.deliveries for row in rows), default=0) or 1,
                others=frozenset(row.id for row in rows if row.leased_by != by),
            )
            step = step_in(connection, deployment, run_id, event, self.clock())
            if step.counts and step.launch is not None:
                connection.execute(
                    update(requests)
                    .where(requests.c.deployment == deployment)
                    .where(requests.c.id == step.launch.request_id)
                    .values(begun_by=agent_id)
                )
        return step

    def newest(self, deployment: str, run_id: str) -> Launch | None:
        """The newest launch of a run; ``None`` when it has none."""
        with self.database.read() as connection:
            return _newest(connection, deployment, run_id)

    def of_run(self, deployment: str, run_id: str) -> list[Launch]:
        """All launches of a run, the first one first."""
        return self._select(_of(deployment, run_id))

    def open(self, deployment: str) -> list[Launch]:
        """The launches that have not ended, the oldest first; without those in the run queue.

        A run that is to be launched once more is not in the run queue.
        """
        is_queued = launches.c.state == str(LaunchState.QUEUED)
        return self._select(
            and_(
                launches.c.deployment == deployment,
                launches.c.state != str(LaunchState.ENDED),
                or_(~is_queued, launches.c.number > 1),
            )
        )

    def in_branches(self, _of: Organization) -> list[tuple[str, str]]:
        """The runs of all branch deployments that were taken from their run queue and go on.

        Returns:
            Pairs of a deployment and a run.
        """
        is_queued = launches.c.state == str(LaunchState.QUEUED)
        found = (
            select(launches.c.deployment, launches.c.run_id)
            .join(deployments, deployments.c.name == launches.c.deployment)
            .where(deployments.c.kind == str(DeploymentKind.BRANCH))
            .where(launches.c.state != str(LaunchState.ENDED))
            .where(or_(~is_queued, launches.c.number > 1))
            .distinct()
        )
        with self.database.read() as connection:
            return [(row.deployment, row.run_id) for row in connection.execute(found)]

    def has_silent_beside(self, launch: Launch, seconds: float) -> bool:
        """Whether its agent has begun another run that was under way for so long and not asked for.

        The question of a worker before the start does not count.
        """
        last = func.coalesce(launches.c.ended_at, self.clock())
        found = (
            select(launches.c.run_id)
            .where(launches.c.deployment == launch.deployment)
            .where(launches.c.run_id != launch.run_id)
            .where(launches.c.begun_by == launch.begun_by)
            .where(launches.c.begun_with.is_not_distinct_from(launch.begun_with))
            .where(launches.c.in_code_server.is_(False))
            .where(last - launches.c.started_at >= seconds)
            .where(or_(launches.c.asked_at.is_(None), launches.c.asked_at <= launches.c.started_at))
        )
        with self.database.read() as connection:
            return connection.execute(found.limit(1)).first() is not None

    def watched(self, _of: Organization) -> frozenset[str]:
        """The names of the deployments with launches in :meth:`open` or :meth:`unshown`."""
        is_queued = launches.c.state == str(LaunchState.QUEUED)
        has_ended = launches.c.state == str(LaunchState.ENDED)
        # Names of states, as an index finds these: most launches have ended long ago.
        others = [str(state) for state in LaunchState if state is not LaunchState.ENDED]
        goes_on = and_(launches.c.state.in_(others), or_(~is_queued, launches.c.number > 1))
        found = (
            select(launches.c.deployment)
            .where(or_(goes_on, and_(has_ended, launches.c.is_shown.is_(False))))
            .distinct()
        )
        with self.database.read() as connection:
            return frozenset(connection.execute(found).scalars())

    def unshown(self, deployment: str, older_than_seconds: float) -> list[Launch]:
        """The ends that Dagster's storage should show by now, and may not."""
        return self._select(
            and_(
                launches.c.deployment == deployment,
                launches.c.state == str(LaunchState.ENDED),
                launches.c.is_shown.is_(False),
                launches.c.ended_at <= self.clock() - older_than_seconds,
            )
        )

    def note_shown(self, launch: Launch) -> None:
        """Dagster's storage shows the end of a launch; its event is needed no more."""
        ending = None if launch.ending is None else {**asdict(launch.ending), "event": None}
        with self.database.write() as connection:
            connection.execute(
                update(launches)
                .where(_of(launch.deployment, launch.run_id))
                .where(launches.c.number == launch.number)
                .values(is_shown=True, ending=ending)
            )

    def renew_offers(self, _of: Organization) -> None:
        """Have the launches that wait for agents count as offered now."""
        waiting = (str(LaunchState.OFFERED), str(LaunchState.TAKEN))
        with self.database.write() as connection:
            connection.execute(
                update(launches)
                .where(launches.c.state.in_(waiting))
                .values(offered_at=self.clock())
            )

    def purge(self, _of: Organization, older_than_seconds: float) -> int:
        """Remove launches of all deployments that ended that long ago; returns how many."""
        with self.database.write() as connection:
            return connection.execute(
                delete(launches)
                .where(launches.c.state == str(LaunchState.ENDED))
                .where(launches.c.is_shown)
                .where(launches.c.ended_at < self.clock() - older_than_seconds)
            ).rowcount

    def forget(self, deployment: str, run_id: str) -> None:
        """Forget the launches of a run that was deleted."""
        with self.database.write() as connection:
            connection.execute(delete(launches).where(_of(deployment, run_id)))

    def _submit(self, deployment: str, run_id: str, location: str | None) -> LaunchStep:
        with self.database.write() as connection:
            return step_in(
                connection,
                deployment,
                run_id,
                Submission(**queue_of(connection, deployment, location)),
                self.clock(),
            )

    def _step(self, deployment: str, run_id: str, event: Event) -> LaunchStep:
        with self.database.write() as connection:
            return step_in(connection, deployment, run_id, event, self.clock())

    def _select(self, condition: ColumnElement[bool]) -> list[Launch]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(launches).where(condition).order_by(launches.c.created_at, launches.c.number)
            ).all()
        return [as_launch(row) for row in rows]


def step_in(
    connection: Connection, deployment: str, run_id: str, event: Event, now: float
) -> LaunchStep:
    """Apply an event to the newest launch of a run, as a part of a transaction."""
    first = Launch(
        deployment=deployment,
        run_id=run_id,
        number=1,
        state=LaunchState.QUEUED,
        created_at=now,
    )
    before = _newest(connection, deployment, run_id, lock=True)
    step = advance(before, event, new=first, now=now)
    for launch in (step.launch, step.successor):
        _write(connection, before, launch)
    return step


def queue_of(connection: Connection, deployment: str, location: str | None) -> dict[str, Any]:
    """A location and its queue, for the event of a run; nothing where there is no such location."""
    if location is None:
        return {}
    row = connection.execute(
        select(locations.c.queue)
        .where(locations.c.deployment == deployment)
        .where(locations.c.name == location)
    ).one_or_none()
    return {} if row is None else {"location": location, "queue": row.queue}


def holds_slot() -> ColumnElement[bool]:
    """Whether a launch counts for the limit of its queue: it has left the run queue and not ended.

    One that is to be launched once more is not in the run queue, and keeps its slot.
    """
    return and_(
        launches.c.location.is_not(None),
        launches.c.state != str(LaunchState.ENDED),
        or_(launches.c.state != str(LaunchState.QUEUED), launches.c.number > 1),
    )


def _of(deployment: str, run_id: str) -> ColumnElement[bool]:
    return and_(launches.c.deployment == deployment, launches.c.run_id == run_id)


def _newest(
    connection: Connection, deployment: str, run_id: str, *, lock: bool = False
) -> Launch | None:
    if lock:
        # The first one stands for the run: the newest may be followed by another meanwhile.
        first = select(launches.c.number).where(_of(deployment, run_id))
        connection.execute(first.where(launches.c.number == 1).with_for_update())
    row = connection.execute(
        select(launches).where(_of(deployment, run_id)).order_by(launches.c.number.desc()).limit(1)
    ).one_or_none()
    return None if row is None else as_launch(row)


def _write(connection: Connection, before: Launch | None, after: Launch | None) -> None:
    if after is None or after == before:
        return
    if before is None or after.number != before.number:
        connection.execute(insert(launches).values(_values(after)))
        return
    connection.execute(
        update(launches)
        .where(_of(after.deployment, after.run_id))
        .where(launches.c.number == after.number)
        .values(_values(after))
    )


def _values(launch: Launch) -> dict[str, Any]:
    columns = asdict(launch)
    tags = columns.pop("tags")
    fell_from = None if launch.fell_from is None else queue_to_key(launch.fell_from.queue)
    return {**columns, **tags, "state": str(launch.state), "fell_from": fell_from}
