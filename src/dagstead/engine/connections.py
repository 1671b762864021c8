"""Connections of Dagster's storage to its database, kept open.

Open-source storage opens a connection for each question, and closes it. Postgres starts a process
for each, which takes longer than most answers; a pool for each storage of each deployment would
hold too many, so all share one. SQLite moves its whole log into the file when the last connection
closes, which takes as long as the change itself; one that stays open is enough against that.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

#: Connections that are kept. More are opened while more are in use.
_KEPT = 10
#: The option of an engine, and the note on a connection, that names a schema.
_SCHEMA = "dagstead_schema"


class SharedConnections:
    """One pool of connections; each connection is told the schema that it is used for."""

    def __init__(self, url: URL) -> None:
        """Nothing is connected yet."""
        self._engine = create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=_KEPT,
            max_overflow=-1,
            # Postgres may have been started again since a connection was used.
            pool_pre_ping=True,
        )
        event.listen(self._engine, "before_cursor_execute", _choose_schema)

    def give_to(self, instance: DagsterInstance, schema: str) -> None:
        """Have the storage of an instance use these connections."""
        engine: Engine = self._engine.execution_options(**{_SCHEMA: schema})
        for storage in (
            instance.run_storage,
            instance.event_log_storage,
            instance.schedule_storage,
        ):
            # Its own way to keep a connection, for the web server, has a pool for each storage.
            storage._engine = engine  # type: ignore[union-attr]  # noqa: SLF001

    def close(self) -> None:
        """Close those that nobody uses."""
        self._engine.dispose()


class OpenFiles:
    """The SQLite files of one deployment, each with a connection that is never used again."""

    def __init__(self, home: Path) -> None:
        """Open all that are there."""
        self._connections = [
            sqlite3.connect(file, check_same_thread=False) for file in sorted(home.glob("*/*.db"))
        ]
        for each in self._connections:
            # It is not open before it is read.
            each.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def close(self) -> None:
        """Close them."""
        for each in self._connections:
            each.close()


def _choose_schema(connection: Connection, cursor: Any, *_: object) -> None:
    schema = connection.get_execution_options()[_SCHEMA]
    if connection.info.get(_SCHEMA) != schema:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        cursor.execute(f"SET search_path TO {quoted}")
        connection.info[_SCHEMA] = schema
