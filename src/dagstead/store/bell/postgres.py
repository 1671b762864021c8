"""Rings through Postgres: NOTIFY and LISTEN, on a connection of their own.

Not on one of the pool: a ring must not wait for a free one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy.engine import URL

from dagstead.store.bell.marks import marks_of, messages_of
from dagstead.store.lines import KEEP_ALIVE, TimedConnection

#: A channel belongs to a database: listeners on another database of the server do not hear it.
_CHANNEL = "dagstead_bell"

#: A lost connection must not look like a silent server.
_OPTIONS = {**KEEP_ALIVE, "application_name": "dagstead bell", "client_encoding": "UTF8"}
_ANSWER_SECONDS = 20.0


class PostgresLine:
    """A connection that notifies and listens."""

    def __init__(self, url: URL) -> None:
        """Connect and listen.

        Args:
            url: as SQLAlchemy takes it.
        """
        dialect = url.set(drivername="postgresql+psycopg").get_dialect()()
        arguments, given = dialect.create_connect_args(url)
        options: dict[str, Any] = {**_OPTIONS, **given}
        self._connection = TimedConnection.connect(
            *arguments, autocommit=True, prepare_threshold=None, **options
        )
        self._connection.answer_seconds = _ANSWER_SECONDS
        try:
            self._connection.execute(f"LISTEN {_CHANNEL}")
        except BaseException:
            self._connection.close()
            raise

    def fileno(self) -> int:
        """The descriptor of the connection."""
        return self._connection.fileno()

    def send(self, marks: Collection[str]) -> bool:
        """Notify all processes. Those with a broken line ring everything when it works again."""
        for message in messages_of(marks):
            self._connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, message))
        return True

    def receive(self) -> frozenset[str]:
        """The marks that other processes have sent."""
        own = self._connection.info.backend_pid
        found = self._connection.notifies(timeout=0)
        return frozenset(
            mark for notify in found if notify.pid != own for mark in marks_of(notify.payload)
        )

    def check(self) -> None:
        """Ask the server for a sign of life."""
        self._connection.execute("SELECT 1")

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()
