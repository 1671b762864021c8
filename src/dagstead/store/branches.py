"""What is recorded of branch deployments, and when something last happened in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from dagstead.plane.branches import BaseSnapshot, BranchRecord, SnapshotCondition
from dagstead.plane.deployments import DeploymentKind
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import branches, deployments, launches, releases


@dataclass(frozen=True, slots=True)
class BranchStore:
    """Stores the records of branch deployments."""

    database: Database

    def get(self, deployment: str) -> BranchRecord | None:
        """The record of a branch deployment; ``None`` for one that an older version made."""
        with self.database.read() as connection:
            row = connection.execute(
                select(branches).where(branches.c.deployment == deployment)
            ).one_or_none()
        return None if row is None else _record(row)

    def put(self, record: BranchRecord) -> None:
        """Store a record in the place of the one before."""
        values = {
            "opened_at": record.opened_at,
            "condition": None if record.condition is None else str(record.condition),
            "snapshot": None if record.snapshot is None else asdict(record.snapshot),
        }
        with self.database.write() as connection:
            changed = connection.execute(
                update(branches).where(branches.c.deployment == record.deployment).values(values)
            ).rowcount
        if changed:
            return
        try:
            with self.database.write() as connection:
                connection.execute(insert(branches).values(deployment=record.deployment, **values))
        except IntegrityError:
            # Another call has made it between our two statements.
            self.put(record)

    def snapshots(self, _of: Organization) -> list[BaseSnapshot]:
        """The snapshots of all branch deployments."""
        with self.database.read() as connection:
            rows = connection.scalars(
                select(branches.c.snapshot).where(branches.c.snapshot.is_not(None))
            ).all()
        return [BaseSnapshot(**row) for row in rows]

    def activity(self, _of: Organization) -> Mapping[str, float]:
        """When something last happened in every open branch deployment, as our rows show it.

        That is that CI made or updated it, a release of it, or a run that was not removed yet.
        """
        found: dict[str, float] = {}
        with self.database.read() as connection:
            for statement in _ACTIVITY:
                for row in connection.execute(statement):
                    found[row.name] = max(found.get(row.name, 0.0), row.at)
        return found


_OPEN_BRANCHES = (deployments.c.kind == str(DeploymentKind.BRANCH)) & ~deployments.c.closed


def _newest(at: Any, of: Any) -> Select[Any]:
    return (
        select(deployments.c.name, func.max(at).label("at"))
        .join(of.table, of == deployments.c.name)
        .where(_OPEN_BRANCHES)
        .group_by(deployments.c.name)
    )


_ACTIVITY = (
    select(deployments.c.name, deployments.c.created_at.label("at")).where(_OPEN_BRANCHES),
    _newest(branches.c.opened_at, branches.c.deployment),
    _newest(releases.c.created_at, releases.c.deployment),
    _newest(launches.c.created_at, launches.c.deployment),
)


def _record(row: Row[Any]) -> BranchRecord:
    return BranchRecord(
        deployment=row.deployment,
        opened_at=row.opened_at,
        condition=None if row.condition is None else SnapshotCondition(row.condition),
        snapshot=None if row.snapshot is None else BaseSnapshot(**row.snapshot),
    )
