"""Callers that were refused, in the database: some hundred of them, however many there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.refused_callers import RefusalCount, RefusedCaller
from dagstead.plane.trail import WhoKind
from dagstead.store.database import Database
from dagstead.store.tables import refused_callers

#: Those that were seen last.
MOST_CALLERS = 300


@dataclass(frozen=True, slots=True)
class RefusedCallerStore:
    """Stores who was refused, and how often."""

    database: Database
    clock: Clock

    def note(self, sightings: Collection[RefusalCount]) -> None:
        """Add to what is known of callers; of too many, those that were seen longest ago go."""
        if not sightings:
            return
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        newest = (
            select(refused_callers.c.key)
            .order_by(refused_callers.c.last_at.desc(), refused_callers.c.key)
            .limit(MOST_CALLERS)
        )
        with self.database.write() as connection:
            for each in sorted(sightings, key=lambda each: each.key):
                new = insert(refused_callers).values(
                    key=each.key,
                    kind=str(each.entry.who.kind),
                    name=each.name[:300],
                    token_id=each.entry.who.token_id,
                    address=each.entry.who.address,
                    act=each.entry.act[:100],
                    reason=(each.entry.reason or "")[:600],
                    first_at=each.first_at,
                    last_at=each.last_at,
                    times=each.times,
                )
                connection.execute(
                    new.on_conflict_do_update(
                        index_elements=["key"],
                        set_={
                            "name": new.excluded.name,
                            "reason": new.excluded.reason,
                            "last_at": new.excluded.last_at,
                            "times": refused_callers.c.times + new.excluded.times,
                        },
                    )
                )
            connection.execute(delete(refused_callers).where(refused_callers.c.key.not_in(newest)))

    def all(self, _of: Organization) -> list[RefusedCaller]:
        """Those that were seen last come first."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(refused_callers).order_by(refused_callers.c.last_at.desc())
            ).all()
        return [
            RefusedCaller(
                kind=WhoKind(row.kind),
                name=row.name,
                token_id=row.token_id,
                address=row.address,
                act=row.act,
                reason=row.reason,
                first_at=row.first_at,
                last_at=row.last_at,
                times=row.times,
            )
            for row in rows
        ]

    def purge(self, _of: Organization, older_than_seconds: float) -> int:
        """Forget those that were not seen for so long; returns how many."""
        before = self.clock() - older_than_seconds
        with self.database.write() as connection:
            return connection.execute(
                delete(refused_callers).where(refused_callers.c.last_at < before)
            ).rowcount
