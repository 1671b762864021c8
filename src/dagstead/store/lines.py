"""Lines to Postgres that end by themselves: nobody waits for ever for a server that is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection

from dagstead.plane.leases import Fence

_Value = TypeVar("_Value")

#: How the operating system notices that the other end is gone, in libpq's words.
KEEP_ALIVE: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # In milliseconds: how long sent data may stay unacknowledged.
    "tcp_user_timeout": 20_000,
}


#: Why nobody waits for an answer any longer, for the log.
GIVEN_UP = "the term of this leader is over: the connection is closed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long each end waits for the other, in seconds."""

    #: We, for an answer; then the connection is closed. It catches what TCP cannot: a proxy that
    #: acknowledges and forwards nothing.
    answer: float = 70.0
    #: We, to connect. The address of the database may say something else.
    connect: int = KEEP_ALIVE["connect_timeout"]
    #: The server, until it ends a statement, which nobody waits for any more.
    statement: float = 60.0
    #: The server, for a lock.
    lock: float = 30.0
    #: The server, for the next statement of a transaction: a frozen process must not keep its locks
    #: for longer than another one waits to lead.
    idle: float = 8.0

    def options(self) -> str:
        """The server's part, as libpq's ``options``."""
        limits = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.idle,
        }
        return " ".join(f"-c{name}={seconds * 1000:.0f}" for name, seconds in limits.items())


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes too long."""

    #: In seconds; ``None`` waits for ever.
    answer_seconds: float | None = None
    #: Asked several times a second while it waits: whether nobody needs the answer any more.
    is_given_up: Callable[[], bool] | None = None

    def wait(
        self, gen: PQGen[_Value], interval: float = 0.1, timeout: float | None = None
    ) -> _Value:
        """See the base class; every exchange with the server goes through it.

        Raises:
            OperationalError: when there was no answer. The connection is closed.
        """
        if self.is_given_up is not None:
            gen = self._until_given_up(gen, self.is_given_up)
        if timeout is not None or self.answer_seconds is None:
            return super().wait(gen, interval=interval, timeout=timeout)
        try:
            return super().wait(gen, interval=interval, timeout=self.answer_seconds)
        except psycopg.OperationalError as error:
            if error.sqlstate is not None or not self._is_waiting():
                raise
            self.pgconn.finish()
            msg = f"no answer in {self.answer_seconds:.0f} s: the connection is closed"
            raise psycopg.OperationalError(msg) from error

    def _until_given_up(self, gen: PQGen[_Value], is_given_up: Callable[[], bool]) -> PQGen[_Value]:
        try:
            wanted = next(gen)
            while True:
                # Sent several times a second, also when nothing has arrived.
                ready = yield wanted
                if is_given_up():
                    self.pgconn.finish()
                    raise psycopg.OperationalError(GIVEN_UP)
                wanted = gen.send(ready)
        except StopIteration as end:
            value: _Value = end.value
            return value

    def _is_waiting(self) -> bool:
        """Whether the answer is still to come: an error of the server or the line ends the wait."""
        return self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE


def timed_connection(
    patience: Patience, fence: Fence | None, arguments: Any, options: Mapping[str, Any]
) -> Any:
    """Connect as a driver does, with a limit for each answer.

    Raises:
        LeadershipLostError: when a leader connects whose term is over.
    """
    if fence is not None:
        fence.require()
    connection = TimedConnection.connect(*arguments, **options)
    connection.answer_seconds = patience.answer
    connection.is_given_up = None if fence is None else fence.is_over
    return connection


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Let the statements of a transaction take as long as they need: a migration of much data."""
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
    driver = connection.connection.driver_connection
    if not isinstance(driver, TimedConnection):
        raise TypeError(driver)
    seconds, driver.answer_seconds = driver.answer_seconds, None
    try:
        yield
    finally:
        driver.answer_seconds = seconds
