"""Writes in the database, by their Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.writes import ABANDONED_SECONDS, KEPT_SECONDS, WriteState
from dagstead.store.database import Database
from dagstead.store.tables import writes

_KEY = select(writes.c.key).where(
    writes.c.deployment == bindparam("of"), writes.c.key == bindparam("sent")
)


@dataclass(frozen=True, slots=True)
class WriteStore:
    """Stores for every Idempotency-Key whether a write with it was begun, and whether it is done.

    The events themselves go to the deployment's own storage. That may be another database file, so
    that no transaction can include both. So a key is begun before the write and finished after it.
    When an attempt was begun but never finished, the next one writes only what is missing.
    """

    database: Database
    clock: Clock

    def begin(self, deployment: str, key: str) -> WriteState:
        """Begin a write with a key, or learn how an earlier attempt ended."""
        now = self.clock()
        try:
            with self.database.write() as connection:
                connection.execute(
                    insert(writes).values(deployment=deployment, key=key, begun_at=now, done=False)
                )
        except IntegrityError:
            return self._begin_again(deployment, key, now)
        return WriteState.NEW

    def has(self, deployment: str, key: str) -> bool:
        """Whether a write with this key was begun."""
        with self.database.read() as connection:
            found = connection.execute(_KEY, {"of": deployment, "sent": key})
            return found.first() is not None

    def finish(self, deployment: str, key: str) -> None:
        """Record that the write is in the deployment's storage."""
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.deployment == deployment)
                .where(writes.c.key == key)
                .values(done=True)
            )

    def interrupt(self, deployment: str, key: str) -> None:
        """Record that the write failed half-way: the next attempt may begin at once."""
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.deployment == deployment)
                .where(writes.c.key == key)
                .where(writes.c.done.is_(False))
                # Not zero: the purge must not remove the key before the client's next attempt.
                .values(begun_at=self.clock() - ABANDONED_SECONDS)
            )

    def interrupt_all(self, _of: Organization) -> None:
        """Let all open writes be begun again: the server that began them has ended.

        A server calls this when it starts. The open writes of other servers go on undisturbed, and
        if one of them is sent a second time, only what is missing is written.
        """
        abandoned = self.clock() - ABANDONED_SECONDS
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.done.is_(False))
                .where(writes.c.begun_at > abandoned)
                .values(begun_at=abandoned)
            )

    def purge(self, _of: Organization) -> int:
        """Remove keys that no client can send again; returns how many."""
        before = self.clock() - KEPT_SECONDS
        with self.database.write() as connection:
            return connection.execute(delete(writes).where(writes.c.begun_at < before)).rowcount

    def _begin_again(self, deployment: str, key: str, now: float) -> WriteState:
        of_key = (writes.c.deployment == deployment) & (writes.c.key == key)
        with self.database.write() as connection:
            row = connection.execute(select(writes).where(of_key)).one_or_none()
            if row is not None and row.done:
                return WriteState.DONE
            if row is not None and now - row.begun_at < ABANDONED_SECONDS:
                return WriteState.IN_FLIGHT
            # Only if the row has not changed since it was read: one of two attempts may go on.
            taken = connection.execute(
                update(writes)
                .where(of_key)
                .where(writes.c.begun_at == (row.begun_at if row is not None else now))
                .values(begun_at=now)
            ).rowcount
        return WriteState.INTERRUPTED if taken else WriteState.IN_FLIGHT
