"""The ledger of event writes, by their Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dagstead.plane.clock import Clock
from dagstead.plane.writes import ABANDONED_SECONDS, KEPT_SECONDS, WriteState
from dagstead.store.database import Database
from dagstead.store.tables import writes


@dataclass(frozen=True, slots=True)
class WriteStore:
    """Says of each write whether it is the first of its key.

    The events themselves go to the deployment's own storage, which may be another database file,
    so that one transaction cannot hold both. A key is therefore begun before and finished after
    the write, and a try that was begun and never finished is told apart: its writer compares with
    what is there.
    """

    database: Database
    clock: Clock

    def begin(self, deployment: str, key: str) -> WriteState:
        """Take the key for a write, or learn what became of the earlier try."""
        now = self.clock()
        try:
            with self.database.write() as connection:
                connection.execute(
                    insert(writes).values(deployment=deployment, key=key, begun_at=now, done=False)
                )
        except IntegrityError:
            return self._begin_again(deployment, key, now)
        return WriteState.NEW

    def finish(self, deployment: str, key: str) -> None:
        """The write is in the deployment's storage."""
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.deployment == deployment)
                .where(writes.c.key == key)
                .values(done=True)
            )

    def interrupt(self, deployment: str, key: str) -> None:
        """The write failed half-way: the next try is told so at once, as after a crash."""
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.deployment == deployment)
                .where(writes.c.key == key)
                .where(writes.c.done.is_(False))
                # Not zero: the key must outlive the purge until the client's next try.
                .values(begun_at=self.clock() - ABANDONED_SECONDS)
            )

    def interrupt_all(self) -> None:
        """No write is under way: the server that began them has ended.

        A server calls this when it starts. Where others serve beside it, their writes are compared
        with what is there if they are sent a second time, and else go on undisturbed.
        """
        abandoned = self.clock() - ABANDONED_SECONDS
        with self.database.write() as connection:
            connection.execute(
                update(writes)
                .where(writes.c.done.is_(False))
                .where(writes.c.begun_at > abandoned)
                .values(begun_at=abandoned)
            )

    def purge(self) -> int:
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
            # On the condition that it is as it was read: of two tries at once only one may go on.
            taken = connection.execute(
                update(writes)
                .where(of_key)
                .where(writes.c.begun_at == (row.begun_at if row is not None else now))
                .values(begun_at=now)
            ).rowcount
        return WriteState.INTERRUPTED if taken else WriteState.IN_FLIGHT
