"""What can go wrong, as small functions.

Each is a context: the fault begins on the way in, and what can be put right again is put right on
the way out. A fault that is over at once does nothing there.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg
from psycopg import sql

from tests.support.faults.disk import SmallDisk
from tests.support.postgres import PostgresCluster
from tests.support.stalled_line import Line

T = TypeVar("T")
Fault = Callable[[T], AbstractContextManager[None]]
Processes = Sequence[psutil.Process]

#: Of the line: so many answers never arrive.
_LOST_ANSWERS = 40
_LATE_SECONDS = 3.0


@contextmanager
def nothing(_target: object) -> Iterator[None]:
    """No fault: what it takes, and what is counted, when all is well."""
    yield


@contextmanager
def kill(processes: Processes) -> Iterator[None]:
    """End processes as the kernel does when memory runs out."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    yield


@contextmanager
def end(processes: Processes) -> Iterator[None]:
    """End processes in order."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    yield


@contextmanager
def stop(processes: Processes) -> Iterator[None]:
    """Let processes stand still, as a machine does that swaps or a laptop that sleeps."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    yield
    for process in processes:
        # Whoever waited for it may have ended it meanwhile.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


@contextmanager
def cut(line: Line) -> Iterator[None]:
    """End connections, and every new one."""
    line.cut()
    yield
    line.mend()


@contextmanager
def stall(line: Line) -> Iterator[None]:
    """Keep connections, and let no byte pass."""
    line.stall()
    yield
    line.flow()


@contextmanager
def lose_answers(line: Line) -> Iterator[None]:
    """Pass on requests, and lose what is answered."""
    line.lose(_LOST_ANSWERS)
    yield
    line.lose(0)


@contextmanager
def delay_answers(line: Line) -> Iterator[None]:
    """Pass on every answer late."""
    line.be_late(_LATE_SECONDS)
    yield
    line.be_late(0)


@contextmanager
def restart(cluster: PostgresCluster) -> Iterator[None]:
    """Stop the database as for an upgrade, and start it again."""
    cluster.stop()
    yield
    cluster.resume()


@contextmanager
def crash(cluster: PostgresCluster) -> Iterator[None]:
    """End the database at once, and start it again."""
    cluster.stop(mode="immediate")
    yield
    cluster.resume()


@contextmanager
def kill_a_backend(cluster: PostgresCluster) -> Iterator[None]:
    """Kill one server process of the database: it ends all others, and recovers."""
    with _administrator(cluster) as connection:
        (pid,) = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
            "AND pid <> pg_backend_pid() ORDER BY backend_start DESC LIMIT 1"
        ).fetchone() or (0,)
    assert pid, "nobody is connected"
    os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def end_all_connections(cluster: PostgresCluster) -> Iterator[None]:
    """End every connection to the database, as a pooler or a fail-over does."""
    with _administrator(cluster) as connection:
        connection.execute(_END_OTHERS)
    yield


@contextmanager
def make_read_only(cluster: PostgresCluster) -> Iterator[None]:
    """Let the database refuse to write, as a replica or a hoster's limit does."""
    with _administrator(cluster) as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
    yield
    with _administrator(cluster) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def take_all_connections(cluster: PostgresCluster) -> Iterator[None]:
    """Leave no free connection to the database, and end those that are in use."""
    with ExitStack() as stack:
        first = stack.enter_context(_administrator(cluster))
        first.execute(_END_OTHERS)
        with suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(_administrator(cluster))
        yield


@contextmanager
def lock(database: Path) -> Iterator[None]:
    """Hold SQLite's lock, as a copy tool or a hanging process does."""
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def fill(disk: SmallDisk) -> Iterator[None]:
    """Leave no byte free on a disk."""
    disk.fill()
    yield
    disk.free()


_END_OTHERS = sql.SQL(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def _administrator(cluster: PostgresCluster) -> psycopg.Connection:
    return psycopg.connect(cluster.url("postgres"), autocommit=True)
