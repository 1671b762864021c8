"""Connections of Dagster's storage to Postgres, kept open and shared by all deployments.

Open-source storage opens a connection for every query. That starts a process of Postgres, and costs
more than most queries do. A pool per storage and deployment would keep too many connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dagster import DagsterInstance
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from dagstead.engine.patience import limit_waiting, server_limits
from dagstead.plane.leases import Fence
from dagstead.store.database import CONTROL_SCHEMA
from dagstead.store.lines import KEEP_ALIVE

#: How many connections are kept. More are opened while more are in use.
_KEPT = 10
#: The option of an engine, and the entry in the info of a connection, that names a schema.
_SCHEMA = "dagstead_schema"


class SharedConnections:
    """One pool for all deployments; a connection switches to the schema that it is used for."""

    def __init__(self, url: URL, fence: Fence | None = None) -> None:
        """Nothing is connected yet.

        Args:
            url: of the database, for psycopg2.
            fence: of the leader. What it writes is refused once another process leads.
        """
        limit_waiting(fence)
        self._engine = create_engine(
            url,
            connect_args={
                **{name: value for name, value in KEEP_ALIVE.items() if name not in url.query},
                "options": " ".join((server_limits(), *_given_options(url))),
            },
            isolation_level="AUTOCOMMIT",
            pool_size=_KEPT,
            max_overflow=-1,
            # Postgres may have restarted since a connection was last used.
            pool_pre_ping=True,
        )
        event.listen(self._engine, "before_cursor_execute", _choose_schema)
        if fence is not None:
            # Dagster's storage tries again for seconds when it cannot connect: not with this error.
            event.listen(self._engine, "do_connect", lambda *_: fence.require())
            event.listen(self._engine, "before_cursor_execute", _fenced(fence), retval=True)

    def give_to(self, instance: DagsterInstance, schema: str) -> None:
        """Let the storage of an instance use these connections."""
        engine: Engine = self._engine.execution_options(**{_SCHEMA: schema})
        for storage in (
            instance.run_storage,
            instance.event_log_storage,
            instance.schedule_storage,
        ):
            # The storage can keep connections itself, for the web server, but in a pool of its own.
            storage._engine = engine  # type: ignore[union-attr]  # noqa: SLF001

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()


def _choose_schema(connection: Connection, cursor: Any, *_: object) -> None:
    schema = connection.get_execution_options()[_SCHEMA]
    if connection.info.get(_SCHEMA) != schema:
        quoted = connection.dialect.identifier_preparer.quote(schema)
        cursor.execute(f"SET search_path TO {quoted}")
        connection.info[_SCHEMA] = schema


def _fenced(fence: Fence) -> Callable[..., tuple[str, Any]]:
    """Put the proof in front of every write.

    The storages commit each statement by itself, and the driver sends both as one message, which
    Postgres takes as one transaction: a new leader waits for it, or it fails.
    """
    proof = f"SELECT {CONTROL_SCHEMA}.require_leader({fence.epoch}); "

    def prove(
        _connection: Connection,
        _cursor: Any,
        statement: str,
        parameters: Any,
        *_rest: object,
    ) -> tuple[str, Any]:
        fence.require()
        return (proof + statement if _writes(statement) else statement), parameters

    return prove


def _writes(statement: str) -> bool:
    # Not a statement that only reads: its answer may be long, and while a frozen process does not
    # take it, the transaction goes on.
    return statement.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}


def _given_options(url: URL) -> tuple[str, ...]:
    given = url.query.get("options", ())
    return (given,) if isinstance(given, str) else given
