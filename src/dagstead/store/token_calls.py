"""The newest calls with each token of an agent, in the database."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.plane.presence import Presence, TokenCalls
from dagstead.store.database import Database
from dagstead.store.tables import token_calls

logger = logging.getLogger(__name__)

#: Agents call twice a second. This is a fraction of the time after which they count as silent.
_RESOLUTION_SECONDS = 4.0

#: The row that says since when a server listens; no token has this id.
_LISTENING = 0


@dataclass(frozen=True, slots=True)
class TokenCallStore:
    """Stores when agents last called, every few seconds."""

    database: Database
    clock: Clock
    #: When this process last wrote, by token and column.
    _written: dict[tuple[int, str], float] = field(default_factory=dict)

    def polled(self, token_id: int) -> None:
        """Note that an agent has asked for work."""
        self._note(token_id, "polled_at")

    def asked(self, token_id: int) -> None:
        """Note that an agent has asked which locations it is to serve."""
        self._note(token_id, "asked_at")

    def listening(self) -> None:
        """Note that a server begins to listen: agents were not silent before, but not heard."""
        self._write(_LISTENING, "polled_at", self.clock())

    def presence(self) -> Presence:
        """What is heard of agents now."""
        return read_presence(self.database, self.clock())

    def _note(self, token_id: int, column: str) -> None:
        now = self.clock()
        key = (token_id, column)
        if now - self._written.get(key, 0.0) < _RESOLUTION_SECONDS:
            return
        self._written[key] = now
        try:
            self._write(token_id, column, now)
        except (StoreAwayError, SQLAlchemyError) as error:
            # The next call notes it, and no answer depends on it.
            del self._written[key]
            logger.debug("Could not note a call of token %s (%s)", token_id, type(error).__name__)

    def _write(self, token_id: int, column: str, now: float) -> None:
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(token_calls).values({"token_id": token_id, column: now})
        with self.database.write(waits=False) as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["token_id"], set_={column: now})
            )


def read_presence(database: Database, now: float) -> Presence:
    """What is heard of agents, at a time."""
    with database.read() as connection:
        rows = connection.execute(select(token_calls)).all()
    calls = {
        row.token_id: TokenCalls(
            token_id=row.token_id, polled_at=row.polled_at, asked_at=row.asked_at
        )
        for row in rows
    }
    listening = calls.pop(_LISTENING, None)
    return Presence(
        now=now,
        calls=calls,
        listening_since=0.0 if listening is None else listening.heard_at,
    )
