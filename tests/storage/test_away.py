"""What a database, its drivers and a disk say when they are away, and what only sounds like it."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from dagster_postgres.utils import DagsterPostgresException, retry_pg_connection_fn
from obstore.exceptions import GenericError
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.pool import QueuePool

from dagstead.errors import StoreAwayError
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.away import away_of
from dagstead.store.database import Database
from dagstead.store.token_uses import TokenUses
from dagstead.store.tokens import TokenStore
from dagstead.testing.clock import ManualClock
from tests.support.ports import free_port

pytestmark = pytest.mark.storage

SECRET = "agent:dagstead:secret"


@pytest.fixture(params=["psycopg", "psycopg2"])
def engine(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[sqlalchemy.Engine]:
    """An engine as this package has it, and one as open-source Dagster has it."""
    url = make_url(postgres_url).set(drivername=f"postgresql+{request.param}")
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    yield engine
    engine.dispose()


def failure(work: Callable[[], object]) -> Exception:
    """What the work raises."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return error
    pytest.fail("nothing was raised")


def sentence(error: Exception) -> str:
    away = away_of(error)
    assert away is not None, repr(error)
    assert "/health" in away.message
    assert "SELECT" not in away.message + away.reason
    assert away.reason
    return away.message


@contextmanager
def without_writing(store: Store) -> Iterator[None]:
    """The store answers, and refuses every change."""
    if store.database.is_sqlite:
        with store.database.read() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
        yield
        return
    with store.database.hold() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    store.database.close()
    yield


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", "does not answer"),
        ("SET TRANSACTION READ ONLY; CREATE TABLE t (x int)", "read-only"),
        ("SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)", "does not answer"),
        ("DO $$ BEGIN RAISE disk_full; END $$", "disk is full"),
        ("DO $$ BEGIN RAISE too_many_connections; END $$", "no more connections"),
        ("DO $$ BEGIN RAISE cannot_connect_now; END $$", "does not answer"),
        ("DO $$ BEGIN RAISE lock_not_available; END $$", "locked"),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", "locked"),
        ("DO $$ BEGIN RAISE io_error; END $$", "disk does not answer"),
    ],
)
def test_postgres_away(engine: sqlalchemy.Engine, statement: str, said: str) -> None:
    def work() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)

    assert said in sentence(failure(work))


def test_postgres_that_nobody_serves(engine: sqlalchemy.Engine) -> None:
    nowhere = create_engine(engine.url.set(port=free_port()))
    assert "does not answer" in sentence(failure(nowhere.connect))


def test_a_database_that_is_gone(engine: sqlalchemy.Engine) -> None:
    gone = create_engine(engine.url.set(database="no_such"))
    assert "does not answer" in sentence(failure(gone.connect))


def test_a_pool_that_is_used_up(engine: sqlalchemy.Engine) -> None:
    assert isinstance(engine.pool, QueuePool)
    with engine.connect():
        assert "no more connections" in sentence(failure(engine.connect))


def test_what_dagster_makes_of_it(engine: sqlalchemy.Engine) -> None:
    nowhere = create_engine(engine.url.set(port=free_port()))
    error = failure(lambda: retry_pg_connection_fn(nowhere.connect, 0, 0.0))
    assert isinstance(error, DagsterPostgresException)
    assert "does not answer" in sentence(error)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM no_such_table",
        "SELECT no_such_column",
        "SELECT 1/0",
        "INSERT INTO t VALUES (1), (1)",
        "REVOKE ALL ON no_such FROM nobody",
        "no statement",
    ],
)
def test_a_statement_that_postgres_has_judged(engine: sqlalchemy.Engine, statement: str) -> None:
    def work() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x int PRIMARY KEY)")
            connection.exec_driver_sql(statement)

    assert away_of(failure(work)) is None


def test_sqlite_locked_by_another(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as one,
        closing(sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None)) as other,
    ):
        one.execute("BEGIN EXCLUSIVE")
        assert "locked" in sentence(failure(lambda: other.execute("BEGIN IMMEDIATE")))


def test_a_full_sqlite_says_so_and_is_well_after(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x BLOB)")
        connection.exec_driver_sql("PRAGMA max_page_count=2")
    too_much = text("INSERT INTO t VALUES (zeroblob(100000))")
    with pytest.raises(StoreAwayError, match="disk is full"), database.write() as connection:
        connection.execute(too_much)
    assert database.refusal() == "The control plane's disk is full."
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000")
        connection.execute(too_much)
    assert database.refusal() is None
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar_one() == 1
    database.close()


def test_sqlite_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    for use in (database.read, database.write):
        with pytest.raises(StoreAwayError, match="does not answer"), use():
            pytest.fail("nothing can be open")


def test_a_write_that_does_not_wait(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreAwayError, match="locked"), database.write(waits=False):
            pytest.fail("another one writes")
    with database.read() as connection:
        waiting = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    assert waiting >= 10_000
    database.close()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT * FROM no_such_table", sqlalchemy.exc.OperationalError),
        ("INSERT INTO t VALUES (1), (1)", IntegrityError),
        ("no statement", sqlalchemy.exc.OperationalError),
    ],
)
def test_a_statement_that_sqlite_has_judged(
    tmp_path: Path, statement: str, kind: type[Exception]
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x int PRIMARY KEY)")
    with pytest.raises(kind), database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "read-only"),
        (GenericError("Unable to copy data: No space left on device (os error 28)"), "full"),
        (ExceptionGroup("both", [ValueError(), OSError(errno.EIO, "I/O")]), "disk does not"),
    ],
)
def test_a_disk_away(error: Exception, said: str) -> None:
    assert said in sentence(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file"),
        OSError("of no number"),
        GenericError("of no number"),
        GenericError("Permission denied (os error 13)"),
        ProgrammingError("SELECT", {}, ValueError("x")),
        ValueError("database is locked"),
    ],
)
def test_what_only_sounds_like_it(error: Exception) -> None:
    assert away_of(error) is None


def test_an_error_raised_in_its_place_is_seen_through() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")

    def hides() -> None:
        try:
            raise full
        except OSError as error:
            message = "could not be stored"
            raise RuntimeError(message) from error

    assert "disk is full" in sentence(failure(hides))


def test_a_token_counts_though_its_use_cannot_be_noted(store: Store) -> None:
    store.tokens.create("ada", TokenKind.AGENT, SECRET, Grant())
    with without_writing(store):
        with pytest.raises(StoreAwayError, match="read-only"):
            store.deployments.create("another")
        token = store.tokens.authenticate(SECRET)
    assert (token.name, token.last_used_at) == ("ada", None)


def test_a_token_counts_at_once_while_another_writes(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    tokens = TokenStore(database, clock, TokenUses(database, clock))
    tokens.create("ada", TokenKind.AGENT, SECRET, Grant())
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert tokens.authenticate(SECRET).name == "ada"
    assert "Could not note the use of token" in caplog.text
    assert SECRET not in caplog.text
    tokens.authenticate(SECRET)
    assert tokens.all()[0].last_used_at == clock()
    database.close()
