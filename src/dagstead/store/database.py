"""Connections to the control plane's database, and its migrations."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from dagstead.errors import ConfigurationError, DatabaseUnusableError, StoreAwayError
from dagstead.plane.leases import Fence
from dagstead.store.away import translated
from dagstead.store.fences import require_fence
from dagstead.store.lines import KEEP_ALIVE, Patience, timed_connection, unhurried
from dagstead.store.unchanged import Found, UnchangedRows

#: The schema of our own tables on Postgres. Every deployment has another one.
CONTROL_SCHEMA = "dagstead"

#: How long a writer on SQLite waits for another one. Official agents give up a call after 60 s.
_SQLITE_BUSY_SECONDS = 30

#: Agents send heartbeats more often, so that a change is tried again by then.
_REFUSED_SECONDS = 60.0

_MIGRATIONS = Path(__file__).parent / "migrations"


class Watcher(Protocol):
    """Sees every transaction that changes something."""

    def in_write(self, connection: Connection) -> None:
        """It has begun."""

    def written(self) -> None:
        """It is committed."""


class Database:
    """One database, SQLite file or Postgres, that all stores of this room share."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        patience: Patience | None = None,
        fence: Fence | None = None,
    ) -> None:
        """Connect lazily.

        Args:
            url: ``sqlite:///path`` or ``postgresql://user:password@host/name``.
            pool_size: how many open connections are kept, on Postgres.
            patience: how long both ends wait for each other; on SQLite, how long a writer waits for
                another one.
            fence: of a leader. All that it writes is refused once another one leads.

        Raises:
            ConfigurationError: for any other kind of URL.
        """
        parsed = parse_database_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.fence = fence
        self.watcher: Watcher | None = None
        self._refused: tuple[float, StoreAwayError] | None = None
        if self.is_sqlite:
            self._busy_seconds = patience.lock if patience else _SQLITE_BUSY_SECONDS
            self._engine = _sqlite_engine(parsed, self._busy_seconds)
            self._unchanged: UnchangedRows | None = UnchangedRows(self._engine)
        else:
            self._unchanged = None
            self._engine = _pg_engine(parsed, pool_size, patience or Patience(), fence)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for statements that change nothing.

        Raises:
            StoreAwayError: when the database does not answer.
            LeadershipLostError: when a leader reads whose term is over.
        """
        if self.fence is not None:
            self.fence.require()
        with translated(), self._engine.connect() as connection:
            yield connection

    def remembered(self, what: Hashable, read: Callable[[Connection], Found]) -> Found:
        """What ``read`` returns; on SQLite also what it has returned since the last change.

        Args:
            what: is read, in words and values that nothing else has.
            read: reads it.

        Raises:
            StoreAwayError: when the database does not answer.
        """

        def anew() -> Found:
            with self.read() as connection:
                return read(connection)

        if self._unchanged is None:
            return anew()
        with translated():
            return self._unchanged.find(what, anew)

    def known(self, what: Hashable) -> Any | None:
        """What :meth:`remembered` would return without reading; ``None`` if that is not known.

        It never waits, so that an event loop may ask. On Postgres nothing is known.
        """
        return None if self._unchanged is None else self._unchanged.known(what)

    @contextmanager
    def write(self, *, waits: bool = True) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back by any exception.

        Args:
            waits: whether it waits for another writer on SQLite, or fails at once.

        Raises:
            StoreAwayError: when the database does not answer, or takes no change.
            LeadershipLostError: when these are the writes of a leader, and another one leads.
        """
        if self.fence is not None:
            self.fence.require()
        try:
            with self._written(waits=waits) as connection:
                yield connection
        except StoreAwayError as error:
            # That nobody waited for another writer says nothing.
            if waits:
                self._refused = (time.monotonic(), error)
            raise
        else:
            self._refused = None

    @contextmanager
    def _written(self, *, waits: bool) -> Iterator[Connection]:
        with translated(), self._engine.connect() as connection:
            if self.is_sqlite:
                self._take_write_lock(connection, waits=waits)
            with connection.begin() if not self.is_sqlite else _commit(connection):
                if self.fence is not None:
                    require_fence(connection, self.fence)
                if self.watcher is not None:
                    self.watcher.in_write(connection)
                yield connection
            if self.watcher is not None:
                self.watcher.written()

    def refusal(self) -> str | None:
        """Why it took no change, if it refused the last one and that is not long ago."""
        if self._refused is None:
            return None
        at, error = self._refused
        return error.fault if time.monotonic() - at < _REFUSED_SECONDS else None

    def hold(self) -> Connection:
        """A connection for a lock that lives as long as its session; the caller closes it.

        Raises:
            StoreAwayError: when the database does not answer.
        """
        with translated():
            return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def migrate(self) -> None:
        """Bring the schema up to this version; safe to run from several processes at once.

        Raises:
            DatabaseUnusableError: with the error of the database.
        """
        name = _masked(self._engine.url.set(drivername=self._engine.url.get_backend_name()))
        try:
            self._migrate()
        except DBAPIError as error:
            reason = " ".join(str(error.orig).split())
            msg = f"The database {name} cannot be used: {reason} Correct --database, or start it."
            raise DatabaseUnusableError(msg) from error
        except CommandError as error:
            msg = f"The database {name} was made by a newer Dagstead. Install that version again."
            raise DatabaseUnusableError(msg) from error

    def _migrate(self) -> None:
        if self.is_sqlite:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                self._take_write_lock(connection)
                with _commit(connection):
                    _upgrade(connection)
            return
        with self._engine.begin() as connection, unhurried(connection):
            require_utf8(connection)
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('dagstead-migrate'))"))
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {CONTROL_SCHEMA}"))
            _upgrade(connection)

    def _take_write_lock(self, connection: Connection, *, waits: bool = True) -> None:
        # Taking the lock first avoids the deadlock of two readers that both want to become writers.
        if waits:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            milliseconds = self._busy_seconds * 1000
            connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds:.0f}")

    def create_schema(self, name: str) -> None:
        """Make the Postgres schema of a deployment; does nothing on SQLite."""
        if not self.is_sqlite:
            with self.write() as connection:
                connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{name}"'))

    def drop_schema(self, name: str) -> None:
        """Remove the Postgres schema of a deployment with everything in it; nothing on SQLite."""
        if not self.is_sqlite:
            with self.write() as connection:
                connection.execute(text(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'))

    def ping(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            StoreAwayError: when it does not answer.
        """
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        if self._unchanged is not None:
            self._unchanged.close()
        self._engine.dispose()


def deployment_schema(deployment: str) -> str:
    """The Postgres schema of a deployment's Dagster storage."""
    return f"deployment_{deployment}"


def require_utf8(connection: Connection) -> None:
    """Refuse a Postgres database that cannot keep every text.

    Raises:
        DatabaseUnusableError: with the command that makes one that can.
    """
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        msg = (
            f"The database {connection.engine.url.database!r} keeps text as {encoding}, "
            "not as UTF8. Make another one: createdb --encoding UTF8 --template template0."
        )
        raise DatabaseUnusableError(msg)


def parse_database_url(url: str) -> URL:
    """The URL, if it is one of the two databases that are supported.

    Raises:
        ConfigurationError: with the forms that are, and without the URL's password.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        msg = f"{url.rsplit('@', maxsplit=1)[-1]!r} is not a database URL. Use postgresql://USER@HOST/NAME."
        raise ConfigurationError(msg) from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        msg = (
            f"{_masked(parsed)!r}: this kind of database is not "
            "supported. Use postgresql://USER@HOST/NAME, or leave it out for SQLite."
        )
        raise ConfigurationError(msg)
    return parsed


def masked_database_url(url: str) -> str:
    """The URL without its password.

    Raises:
        ConfigurationError: as :func:`parse_database_url`.
    """
    return _masked(parse_database_url(url))


def _masked(url: URL) -> str:
    # libpq also takes passwords among the options.
    secrets = [name for name in url.query if name.endswith("password")]
    return url.difference_update_query(secrets).render_as_string(hide_password=True)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL, ``None`` for Postgres."""
    parsed = parse_database_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


@contextmanager
def _commit(connection: Connection) -> Iterator[None]:
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        # The driver's own: on a full disk SQLite has already rolled back, and refuses ROLLBACK.
        connection.connection.rollback()
        raise


def newest_revision() -> str:
    """The newest migration's number, by the names of the files: Alembic would read them all."""
    return max(file.stem for file in (_MIGRATIONS / "versions").glob("v*.py"))[1:5]


def _upgrade(connection: Connection) -> None:
    if inspect(connection).has_table("alembic_version"):
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if revision == newest_revision():
            return
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sqlite_engine(url: URL, busy_seconds: float) -> Engine:
    # AUTOCOMMIT leaves transactions to us: the driver's own BEGIN is deferred, ours is IMMEDIATE.
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: object, _record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA foreign_keys=ON")
        # With WAL, NORMAL can lose the last commits in a power cut but never corrupts.
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine


def _pg_engine(url: URL, pool_size: int, patience: Patience, fence: Fence | None) -> Engine:
    limits = {**KEEP_ALIVE, "connect_timeout": patience.connect}
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            **{name: value for name, value in limits.items() if name not in url.query},
            "options": f"-csearch_path={CONTROL_SCHEMA} {patience.options()}",
            # If the database has no encoding, the driver returns bytes without it.
            "client_encoding": "UTF8",
        },
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, arguments: Any, options: Any) -> object:
        return timed_connection(patience, fence, arguments, options)

    return engine
