"""What waits: runs that have not started, requests without an answer. It only reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, func, select, true

from dagstead.plane.launches import Launch, LaunchState
from dagstead.plane.organization import Organization
from dagstead.plane.requests import RequestState
from dagstead.plane.why_facts import RequestBrief
from dagstead.store.database import Database
from dagstead.store.launch_rows import as_launch
from dagstead.store.tables import launches, locations, requests

_NOT_ENDED = tuple(str(state) for state in LaunchState if state is not LaunchState.ENDED)
_OPEN = (str(RequestState.WAITING), str(RequestState.LEASED))
#: All but the texts, which are long.
_BRIEF = [column for column in requests.c if column.name not in {"body", "answer", "seq"}]


@dataclass(frozen=True, kw_only=True, slots=True)
class IdMatch:
    """A run or a request whose id begins as asked."""

    deployment: str
    id: str


@dataclass(frozen=True, slots=True)
class WaitStore:
    """Reads what waits, in few statements however much it is."""

    database: Database

    def runs(
        self, _of: Organization, deployments: Collection[str] | None, limit: int
    ) -> tuple[list[Launch], int]:
        """The launches of runs that wait to start, the oldest first; and how many there are.

        Args:
            deployments: whose runs; ``None`` is all of them.
            limit: of the launches.
        """
        waiting = and_(
            launches.c.state.in_(_NOT_ENDED),
            launches.c.started_at.is_(None),
            launches.c.stop.is_(None),
            _in(launches, deployments),
        )
        with self.database.read() as connection:
            total = connection.execute(select(func.count()).where(waiting)).scalar_one()
            rows = connection.execute(
                select(launches)
                .where(waiting)
                .order_by(launches.c.created_at, launches.c.run_id)
                .limit(limit)
            ).all()
        return [as_launch(row) for row in rows], int(total)

    def begun(self, _of: Organization) -> list[Launch]:
        """The launches that agents have begun and that have not ended, the oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(launches)
                .where(launches.c.state == str(LaunchState.BEGUN))
                .order_by(launches.c.begun_at, launches.c.run_id)
            ).all()
        return [as_launch(row) for row in rows]

    def open_requests(
        self, _of: Organization, deployments: Collection[str] | None, limit: int
    ) -> tuple[list[RequestBrief], int]:
        """The requests without an answer, the oldest first; and how many there are.

        Args:
            deployments: whose requests; ``None`` is all of them.
            limit: of the requests.
        """
        is_open = and_(requests.c.state.in_(_OPEN), _in(requests, deployments))
        with self.database.read() as connection:
            total = connection.execute(select(func.count()).where(is_open)).scalar_one()
        return self._requests(is_open, limit), int(total)

    def requests(self, _of: Organization, ids: Collection[str]) -> dict[str, RequestBrief]:
        """The requests of these ids, by id."""
        return {one.id: one for one in self._requests(requests.c.id.in_(sorted(ids)))}

    def checks(self, deployment: str) -> list[RequestBrief]:
        """What agents have not answered and concerns no location: that they check for deploys."""
        return self._requests(
            and_(
                requests.c.deployment == deployment,
                requests.c.state.in_(_OPEN),
                requests.c.location.is_(None),
                requests.c.run_id.is_(None),
            )
        )

    def runs_named(self, _of: Organization, prefix: str, limit: int) -> list[IdMatch]:
        """The runs whose ids begin so, of all deployments."""
        found = (
            select(launches.c.deployment, launches.c.run_id.label("id"))
            .where(launches.c.run_id.startswith(prefix, autoescape=True))
            .distinct()
            .order_by(launches.c.run_id, launches.c.deployment)
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(found).all()
        return [IdMatch(deployment=row.deployment, id=row.id) for row in rows]

    def runs_with(
        self, _of: Organization, deployments: Collection[str], part: str, limit: int
    ) -> list[Launch]:
        """The newest launches of the newest runs with these characters in their ids."""
        newest = (
            select(launches)
            .where(launches.c.deployment.in_(sorted(deployments)))
            .where(launches.c.run_id.contains(part, autoescape=True))
            .order_by(launches.c.created_at.desc(), launches.c.run_id)
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(newest).all()
        found: dict[tuple[str, str], Launch] = {}
        for row in rows:
            found.setdefault((row.deployment, row.run_id), as_launch(row))
        return list(found.values())

    def requests_named(self, _of: Organization, prefix: str, limit: int) -> list[IdMatch]:
        """The requests whose ids begin so, of all deployments."""
        found = (
            select(requests.c.deployment, requests.c.id)
            .where(requests.c.id.startswith(prefix, autoescape=True))
            .order_by(requests.c.id)
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(found).all()
        return [IdMatch(deployment=row.deployment, id=row.id) for row in rows]

    def locations_named(self, _of: Organization, name: str) -> list[str]:
        """The deployments that have a location of that name."""
        found = select(locations.c.deployment).where(locations.c.name == name)
        with self.database.read() as connection:
            return list(connection.execute(found.order_by(locations.c.deployment)).scalars())

    def location_names(self, _of: Organization) -> list[tuple[str, str]]:
        """Every location: its deployment and its name."""
        with self.database.read() as connection:
            rows = connection.execute(select(locations.c.deployment, locations.c.name)).all()
        return [(row.deployment, row.name) for row in rows]

    def _requests(
        self, condition: ColumnElement[bool], limit: int | None = None
    ) -> list[RequestBrief]:
        found = select(*_BRIEF).where(condition).order_by(requests.c.seq).limit(limit)
        with self.database.read() as connection:
            rows = connection.execute(found).all()
        return [_brief(row) for row in rows]


def _in(table: Table, deployments: Collection[str] | None) -> ColumnElement[bool]:
    return true() if deployments is None else table.c.deployment.in_(sorted(deployments))


def _brief(row: Row[Any]) -> RequestBrief:
    return RequestBrief(
        id=row.id,
        api=row.api,
        deployment=row.deployment,
        queue=row.queue,
        location=row.location,
        run_id=row.run_id,
        state=RequestState(row.state),
        created_at=row.created_at,
        expires_at=row.expires_at,
        leased_at=row.leased_at,
        leased_by=row.leased_by,
        deliveries=row.deliveries,
        for_token=row.for_token,
        answered_at=row.answered_at,
    )
