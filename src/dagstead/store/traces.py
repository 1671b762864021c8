"""Which trace something belongs to, in the database; used only while somebody traces."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.traces import Link, TraceKind
from dagstead.store.database import Database
from dagstead.store.tables import traces


@dataclass(frozen=True, slots=True)
class TraceStore:
    """Stores links to traces."""

    database: Database
    clock: Clock

    def keep(self, deployment: str, kind: TraceKind, name: str, parent: str) -> None:
        """Keep the trace of something; the first one stays."""
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(traces).values(
            kind=str(kind), deployment=deployment, id=name, parent=parent, created_at=self.clock()
        )
        with self.database.write() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def get(self, deployment: str, kind: TraceKind, name: str) -> Link | None:
        """The trace of something, if it has one."""
        found = (
            select(traces.c.parent, traces.c.created_at)
            .where(traces.c.kind == str(kind))
            .where(traces.c.deployment == deployment)
            .where(traces.c.id == name)
        )
        with self.database.read() as connection:
            row = connection.execute(found).one_or_none()
        return None if row is None else Link(parent=row.parent, at=row.created_at)

    def purge(self, _of: Organization, older_than_seconds: float) -> None:
        """Forget those of everything that began so long ago."""
        before = self.clock() - older_than_seconds
        with self.database.write() as connection:
            connection.execute(delete(traces).where(traces.c.created_at < before))
