"""How much there is of everything: one grouped statement for each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from dagstead.plane.clock import Clock
from dagstead.plane.launches import LaunchState
from dagstead.plane.organization import Organization
from dagstead.plane.requests import LAUNCH_RUN, RequestState
from dagstead.store.database import Database
from dagstead.store.queue_calls import QueueCalls, read_queue_calls
from dagstead.store.tables import deployments, launches, locations, requests
from dagstead.store.tallies import read_tallies

_OPEN = (str(RequestState.WAITING), str(RequestState.LEASED))
_NOT_ENDED = tuple(str(state) for state in LaunchState if state is not LaunchState.ENDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestCount:
    """Requests without an answer, of one queue and state."""

    queue: str | None
    state: RequestState
    launches_run: bool
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchCount:
    """Launches that have not ended, of one deployment, queue and state."""

    deployment: str
    queue: str | None
    #: Whether the queue is known: a run that waits in the run queue may have none yet.
    has_queue: bool
    state: LaunchState
    is_started: bool
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationCount:
    """Locations of one deployment and state."""

    deployment: str
    state: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Everything that is counted, read over one connection."""

    #: Whether they are branch deployments, by name.
    deployments: Mapping[str, bool]
    requests: Sequence[RequestCount]
    launches: Sequence[LaunchCount]
    locations: Sequence[LocationCount]
    tallies: Mapping[tuple[str, str, str], float]
    calls: Mapping[str | None, QueueCalls]


@dataclass(frozen=True, slots=True)
class NumberStore:
    """Reads numbers for metrics; it changes nothing."""

    database: Database
    clock: Clock

    def all(self, _of: Organization) -> Counts:
        """All of them."""
        with self.database.read() as connection:
            rows = connection.execute(select(deployments.c.name, deployments.c.kind))
            return Counts(
                deployments={row.name: row.kind == "branch" for row in rows},
                requests=_requests(connection),
                launches=_launches(connection),
                locations=_locations(connection),
                tallies=read_tallies(connection),
                calls=read_queue_calls(connection),
            )


def _requests(connection: Connection) -> list[RequestCount]:
    launches_run = case((requests.c.api == LAUNCH_RUN, 1), else_=0)
    rows = connection.execute(
        select(
            requests.c.queue,
            requests.c.state,
            launches_run.label("launches_run"),
            func.count().label("number"),
        )
        .where(requests.c.state.in_(_OPEN))
        .group_by(requests.c.queue, requests.c.state, "launches_run")
    ).all()
    return [
        RequestCount(
            queue=row.queue,
            state=RequestState(row.state),
            launches_run=bool(row.launches_run),
            count=row.number,
        )
        for row in rows
    ]


def _launches(connection: Connection) -> list[LaunchCount]:
    is_started = case((launches.c.started_at.is_(None), 0), else_=1)
    has_queue = case((launches.c.location.is_(None), 0), else_=1)
    # By the names of what is computed: as expressions, their values would be others to Postgres.
    computed = ("is_started", "has_queue")
    rows = connection.execute(
        select(
            launches.c.deployment,
            launches.c.queue,
            launches.c.state,
            is_started.label("is_started"),
            has_queue.label("has_queue"),
            func.count().label("number"),
        )
        .where(launches.c.state.in_(_NOT_ENDED))
        .group_by(launches.c.deployment, launches.c.queue, launches.c.state, *computed)
    ).all()
    return [
        LaunchCount(
            deployment=row.deployment,
            queue=row.queue,
            has_queue=bool(row.has_queue),
            state=LaunchState(row.state),
            is_started=bool(row.is_started),
            count=row.number,
        )
        for row in rows
    ]


def _locations(connection: Connection) -> list[LocationCount]:
    groups = (locations.c.deployment, locations.c.state)
    rows = connection.execute(select(*groups, func.count().label("number")).group_by(*groups)).all()
    return [
        LocationCount(
            deployment=row.deployment,
            state=row.state,
            count=row.number,
        )
        for row in rows
    ]
