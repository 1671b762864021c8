"""Agent queues that somebody has made or changed, and what is counted of all queues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from dagstead.plane.clock import Clock
from dagstead.plane.launch_machine.events import Dequeue
from dagstead.plane.launch_machine.machine import LaunchStep
from dagstead.plane.launches import LaunchState
from dagstead.plane.organization import Organization
from dagstead.plane.queue_board import QueueBoard, QueueHold, WaitingRun
from dagstead.plane.queue_views import QueuedLocation, SlotHolder, Waiting
from dagstead.plane.queues import Fallback, FallbackKind, Queue, QueuePause
from dagstead.plane.requests import RequestState
from dagstead.store.database import Database
from dagstead.store.launches import holds_slot, step_in
from dagstead.store.tables import (
    launches,
    locations,
    queue_from_key,
    queue_to_key,
    queues,
    requests,
)

#: What waits, by queue and deployment.
WaitingAt = Mapping[tuple[str | None, str], Waiting]

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class QueueStore:
    """Stores queues, which are of the whole organization."""

    database: Database
    clock: Clock

    def all(self, _of: Organization) -> list[Queue]:
        """The queues that are objects, the default queue first, then by name."""
        with self.database.read() as connection:
            rows = connection.execute(select(queues).order_by(queues.c.key)).all()
        return [as_queue(row) for row in rows]

    def get(self, _of: Organization, name: str | None) -> Queue:
        """One queue, with the defaults if it is no object."""
        with self.database.read() as connection:
            return read_queue(connection, name)

    def change(
        self, _of: Organization, name: str | None, change: Callable[[Queue], Queue], by: str
    ) -> Queue:
        """Change a queue, which is made if it is no object yet, in one transaction.

        Args:
            name: of the queue.
            change: is called with what is stored; it may be called twice.
            by: who makes it.
        """
        try:
            return self._change(name, change, by)
        except IntegrityError:
            # Two made it at once: one of them finds it now.
            return self._change(name, change, by)

    def remove(self, _of: Organization, name: str | None) -> bool:
        """Remove what people have said of a queue; returns whether they had said anything."""
        with self.database.write() as connection:
            removed = connection.execute(delete(queues).where(queues.c.key == queue_to_key(name)))
        return bool(removed.rowcount)

    def locations(self, _of: Organization) -> Mapping[str | None, list[QueuedLocation]]:
        """The locations of all deployments, by their queues."""
        found: dict[str | None, list[QueuedLocation]] = {}
        with self.database.read() as connection:
            rows = connection.execute(
                select(
                    locations.c.queue,
                    locations.c.deployment,
                    locations.c.name,
                    locations.c.updated_at,
                ).order_by(locations.c.deployment, locations.c.name)
            ).all()
        for row in rows:
            located = QueuedLocation(
                deployment=row.deployment, location=row.name, since=row.updated_at
            )
            found.setdefault(row.queue, []).append(located)
        return found

    def waiting_requests(self, _of: Organization) -> WaitingAt:
        """The requests that no agent has taken."""
        return self._waiting(requests, requests.c.state == str(RequestState.WAITING))

    def waiting_runs(self, _of: Organization) -> WaitingAt:
        """The runs that are in the run queue; those from before runs had queues are left out."""
        return self._waiting(
            launches,
            _is_queued(),
        )

    def holders(
        self, _of: Organization, names: Collection[str | None] | None = None
    ) -> Mapping[str | None, list[SlotHolder]]:
        """The runs that count for limits, by queue, the oldest first; of some queues, or of all."""
        with self.database.read() as connection:
            return _holders(connection, true() if names is None else _on(names))

    def queued(self, deployment: str, run_ids: Collection[str]) -> Mapping[str, WaitingRun]:
        """Those of these runs that are queued, or just taken, and have a queue; by run."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(
                    launches.c.run_id,
                    launches.c.location,
                    launches.c.queue,
                    launches.c.created_at,
                    launches.c.fell_from,
                    launches.c.state,
                )
                .where(launches.c.deployment == deployment)
                .where(launches.c.run_id.in_(run_ids))
                .where(or_(_is_queued(), launches.c.state == str(LaunchState.DEQUEUED)))
            ).all()
        return {
            row.run_id: WaitingRun(
                run_id=row.run_id,
                location=row.location,
                queue=row.queue,
                since=row.created_at,
                has_fallen=row.fell_from is not None,
                has_slot=row.state == str(LaunchState.DEQUEUED),
            )
            for row in rows
        }

    def admit(self, _of: Organization, deployment: str, run: WaitingRun) -> QueueHold | LaunchStep:
        """Take a run from the run queue if its queue has room, in one transaction.

        Whoever takes a run of a queue with a limit does it here, one after the other: the row of
        the queue is locked, and what counts for the limit is counted anew each time. A run that was
        taken before, by a process that died, has its slot already.

        Returns:
            What holds it, or the step that was taken.
        """
        now = self.clock()
        with self.database.write() as connection:
            queue = read_queue(connection, run.queue, lock=True)
            holders = _holders(connection, _on([run.queue])).get(run.queue, [])
            others = [each for each in holders if not _is_same(each, deployment, run.run_id)]
            board = QueueBoard(now=now, queues={run.queue: queue}, holders={run.queue: others})
            hold = board.hold(run.queue)
            has_slot = len(others) < len(holders)
            if hold is not None and not has_slot:
                return hold
            event = Dequeue(location=run.location, queue=run.queue)
            return step_in(connection, deployment, run.run_id, event, now)

    def dispatched(
        self, _of: Organization, minutes: int
    ) -> Mapping[tuple[str | None, str], Mapping[int, int]]:
        """How many runs agents took, by queue and deployment, and by how many minutes ago."""
        now = self.clock()
        found: dict[tuple[str | None, str], Counter[int]] = {}
        with self.database.read() as connection:
            rows = connection.execute(
                select(launches.c.queue, launches.c.deployment, launches.c.taken_at).where(
                    launches.c.taken_at > now - minutes * _MINUTE
                )
            ).all()
        for row in rows:
            ago = max(0, int((now - row.taken_at) // _MINUTE))
            found.setdefault((row.queue, row.deployment), Counter())[ago] += 1
        return found

    def _waiting(self, table: Any, condition: Any) -> WaitingAt:
        with self.database.read() as connection:
            rows = connection.execute(
                select(
                    table.c.queue,
                    table.c.deployment,
                    func.count().label("number"),
                    func.min(table.c.created_at).label("oldest"),
                )
                .where(condition)
                .group_by(table.c.queue, table.c.deployment)
            ).all()
        return {
            (row.queue, row.deployment): Waiting(count=row.number, oldest_at=row.oldest)
            for row in rows
        }

    def _change(self, name: str | None, change: Callable[[Queue], Queue], by: str) -> Queue:
        with self.database.write() as connection:
            before = read_queue(connection, name, lock=True)
            after = change(before)
            if before.is_made:
                connection.execute(
                    update(queues)
                    .where(queues.c.key == queue_to_key(name))
                    .values(**_values(after))
                )
                return after
            now = self.clock()
            connection.execute(
                insert(queues).values(
                    key=queue_to_key(name), created_at=now, created_by=by, **_values(after)
                )
            )
            return read_queue(connection, name)


def _holders(
    connection: Connection, condition: ColumnElement[bool]
) -> dict[str | None, list[SlotHolder]]:
    since = func.coalesce(launches.c.offered_at, launches.c.created_at)
    rows = connection.execute(
        select(launches.c.queue, launches.c.deployment, launches.c.run_id, since.label("since"))
        .where(holds_slot())
        .where(condition)
        .order_by(since)
    ).all()
    found: dict[str | None, list[SlotHolder]] = {}
    for row in rows:
        holder = SlotHolder(deployment=row.deployment, run_id=row.run_id, since=row.since)
        found.setdefault(row.queue, []).append(holder)
    return found


def _on(names: Collection[str | None]) -> ColumnElement[bool]:
    """Whether a launch is on one of these queues."""
    named = launches.c.queue.in_(sorted(name for name in names if name is not None))
    return or_(named, launches.c.queue.is_(None)) if None in names else named


def _is_queued() -> ColumnElement[bool]:
    """Whether a launch is in the run queue, and its queue known."""
    return and_(
        launches.c.state == str(LaunchState.QUEUED),
        launches.c.number == 1,
        launches.c.location.is_not(None),
    )


def _is_same(holder: SlotHolder, deployment: str, run_id: str) -> bool:
    return (holder.deployment, holder.run_id) == (deployment, run_id)


def read_queue(connection: Connection, name: str | None, *, lock: bool = False) -> Queue:
    """One queue, as a part of a transaction; with ``lock``, nobody else changes or fills it."""
    statement = select(queues).where(queues.c.key == queue_to_key(name))
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return Queue(name=name) if row is None else as_queue(row)


def as_queue(row: Row[Any]) -> Queue:
    """A queue from its row."""
    pause = row.pause
    return Queue(
        name=queue_from_key(row.key),
        owner=row.owner,
        description=row.description,
        limit=row.run_limit,
        priority=row.priority,
        longest_wait_seconds=row.longest_wait_seconds,
        branch_deployments=row.branch_deployments,
        fallback=Fallback(kind=FallbackKind(row.fallback["kind"]), queue=row.fallback["queue"]),
        pause=None if pause is None else QueuePause(**pause),
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _values(queue: Queue) -> dict[str, Any]:
    return {
        "owner": queue.owner,
        "description": queue.description,
        "run_limit": queue.limit,
        "priority": queue.priority,
        "longest_wait_seconds": queue.longest_wait_seconds,
        "branch_deployments": queue.branch_deployments,
        "fallback": {"kind": str(queue.fallback.kind), "queue": queue.fallback.queue},
        "pause": None if queue.pause is None else asdict(queue.pause),
    }
