"""Who asked for the agents of a queue in vain, and who starts and stops them, in the database."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.store.database import Database
from dagstead.store.tables import queue_calls, queue_from_key, queue_to_key

logger = logging.getLogger(__name__)

#: Callers come several times a second. This is a fraction of the time for which a call counts.
_RESOLUTION_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueCalls:
    """The newest calls for one queue, in seconds since 1970."""

    missed_at: float | None = None
    scaled_at: float | None = None


@dataclass(frozen=True, slots=True)
class QueueCallStore:
    """Stores when queues were last asked for, every few seconds."""

    database: Database
    clock: Clock
    #: When this process last wrote, by queue and column.
    _written: dict[tuple[str | None, str], float] = field(default_factory=dict)

    def missed(self, _of: Organization, queue: str | None) -> None:
        """Note that somebody asks for code on a queue, and no agent serves it."""
        self._note(queue, "missed_at")

    def scaled(self, _of: Organization, queue: str | None) -> None:
        """Note that somebody who starts and stops agents asks how much a queue has to do."""
        self._note(queue, "scaled_at")

    def of(self, _of: Organization, queue: str | None) -> QueueCalls:
        """The newest calls for a queue."""
        found = select(queue_calls).where(queue_calls.c.key == queue_to_key(queue))
        with self.database.read() as connection:
            row = connection.execute(found).one_or_none()
        if row is None:
            return QueueCalls()
        return QueueCalls(missed_at=row.missed_at, scaled_at=row.scaled_at)

    def purge(self, _of: Organization, older_than_seconds: float) -> None:
        """Forget queues that nobody has asked for in that time."""
        before = self.clock() - older_than_seconds
        columns = (queue_calls.c.missed_at, queue_calls.c.scaled_at)
        old = [or_(column.is_(None), column < before) for column in columns]
        with self.database.write() as connection:
            connection.execute(delete(queue_calls).where(*old))

    def _note(self, queue: str | None, column: str) -> None:
        now = self.clock()
        if now - self._written.get((queue, column), 0.0) < _RESOLUTION_SECONDS:
            return
        self._written[queue, column] = now
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(queue_calls).values({"key": queue_to_key(queue), column: now})
        try:
            with self.database.write(waits=False) as connection:
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["key"], set_={column: now})
                )
        except (StoreAwayError, SQLAlchemyError) as error:
            # The next call notes it.
            del self._written[queue, column]
            logger.debug("Could not note a call for a queue (%s)", type(error).__name__)


def read_queue_calls(connection: Connection) -> Mapping[str | None, QueueCalls]:
    """The newest calls for every queue, as a part of what somebody reads."""
    return {
        queue_from_key(row.key): QueueCalls(missed_at=row.missed_at, scaled_at=row.scaled_at)
        for row in connection.execute(select(queue_calls))
    }
