"""What the logs of runs say of why they wait, so that each reason is written down once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.plane.clock import Clock
from dagstead.plane.launches import LaunchState
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import launches, noted_waits


@dataclass(frozen=True, slots=True)
class NotedWaitStore:
    """Stores the reason that was written last into the log of a run that waits."""

    database: Database
    clock: Clock

    def all(self, _of: Organization) -> dict[tuple[str, str], str]:
        """The keys of the reasons, by deployment and run."""
        with self.database.read() as connection:
            rows = connection.execute(select(noted_waits)).all()
        return {(row.deployment, row.run_id): row.reason for row in rows}

    def note(self, deployment: str, run_id: str, key: str) -> bool:
        """Note the reason of a run; returns whether it is another one than before."""
        values = {"reason": key, "noted_at": self.clock()}
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(noted_waits).values(deployment=deployment, run_id=run_id, **values)
        changed = statement.on_conflict_do_update(
            index_elements=["deployment", "run_id"],
            set_=values,
            where=noted_waits.c.reason != key,
        ).returning(noted_waits.c.run_id)
        with self.database.write() as connection:
            return connection.execute(changed).first() is not None

    def forget(self, _of: Organization) -> None:
        """Forget the reasons of runs that no longer wait to start."""
        waiting = (
            exists()
            .where(launches.c.deployment == noted_waits.c.deployment)
            .where(launches.c.run_id == noted_waits.c.run_id)
            .where(launches.c.state != str(LaunchState.ENDED))
            .where(launches.c.started_at.is_(None))
        )
        gone = ~waiting
        found = select(noted_waits.c.run_id).where(gone).limit(1)
        with self.database.read() as connection:
            # Most looks find nothing, and must not take SQLite's write lock.
            if connection.execute(found).first() is None:
                return
        with self.database.write() as connection:
            connection.execute(delete(noted_waits).where(gone))
