"""The leader's lease, for those who only look at it; and how it is read."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Float, cast, func, literal, select

from dagstead.plane.clock import Clock
from dagstead.plane.leases import Lease
from dagstead.store.database import Database
from dagstead.store.fences import LEADER
from dagstead.store.tables import leader


@dataclass(frozen=True, slots=True)
class LeaseStore:
    """Reads the lease."""

    database: Database
    clock: Clock

    def leader(self) -> Lease:
        """Of the process that runs the daemons, or did so last."""
        with self.database.read() as connection:
            return self.read(connection)

    def read(self, connection: Connection) -> Lease:
        """The same, in a transaction."""
        row = connection.execute(
            select(leader, (self.now() - leader.c.renewed_at).label("age")).where(
                leader.c.name == LEADER
            )
        ).one()
        return Lease(
            epoch=row.epoch,
            holder=row.holder,
            session=row.session,
            since=row.since,
            renewed_at=row.renewed_at,
            age=row.age,
        )

    def now(self) -> ColumnElement[float]:
        """The time that renewals are stamped with: on Postgres its own, which all share."""
        if self.database.is_sqlite:
            return literal(self.clock())
        return cast(func.extract("epoch", func.clock_timestamp()), Float)
