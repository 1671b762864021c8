"""The newest calls with each token of an agent, in the database."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.plane.presence import ListeningSpan, Presence, TokenCalls
from dagstead.store.database import Database
from dagstead.store.tables import token_calls

logger = logging.getLogger(__name__)

#: Agents call twice a second. This is a fraction of the time after which they count as silent.
_RESOLUTION_SECONDS = 4.0

#: The row that says since when a server listens, and when that was noted; no token has this id.
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
        """Note that a server listens. Before a pause, agents were not silent, but not heard."""
        now = self.clock()
        noted = select(token_calls).where(token_calls.c.token_id == _LISTENING)
        with self.database.write(waits=False) as connection:
            before = _listening(connection.execute(noted).one_or_none())
            begun = ListeningSpan(since=now, noted_at=now)
            listening = begun if before is None else before.noted_again(now)
            self._upsert(connection, _LISTENING, {"polled_at": listening.since, "asked_at": now})

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
            with self.database.write(waits=False) as connection:
                self._upsert(connection, token_id, {column: now})
        except (StoreAwayError, SQLAlchemyError) as error:
            # The next call notes it, and no answer depends on it.
            del self._written[key]
            logger.debug("Could not note a call of token %s (%s)", token_id, type(error).__name__)

    def _upsert(self, connection: Connection, token_id: int, values: Mapping[str, float]) -> None:
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(token_calls).values({"token_id": token_id, **values})
        connection.execute(
            statement.on_conflict_do_update(index_elements=["token_id"], set_=values)
        )


def read_presence(database: Database, now: float) -> Presence:
    """What is heard of agents, at a time."""
    with database.read() as connection:
        rows = {row.token_id: row for row in connection.execute(select(token_calls))}
    listening = _listening(rows.pop(_LISTENING, None))
    return Presence(
        now=now,
        calls={
            token_id: TokenCalls(token_id=token_id, polled_at=row.polled_at, asked_at=row.asked_at)
            for token_id, row in rows.items()
        },
        listening_since=0.0 if listening is None else listening.heard_since(now),
    )


def _listening(row: Row[Any] | None) -> ListeningSpan | None:
    return None if row is None else ListeningSpan(since=row.polled_at, noted_at=row.asked_at)
