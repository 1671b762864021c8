"""How long Dagster's storage waits for Postgres: never for ever.

Its driver knows no limit for an answer. It does let a program wait in its place, for the whole
process: https://www.psycopg.org/docs/advanced.html#support-for-coroutine-libraries
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable

from psycopg2 import OperationalError
from psycopg2.extensions import (
    POLL_OK,
    POLL_READ,
    POLL_WRITE,
    STATUS_SETUP,
    connection,
    set_wait_callback,
)

from dagstead.plane.leases import Fence
from dagstead.store.lines import GIVEN_UP, Patience

#: The server ends a statement that takes longer. Those that copy or delete much take their time.
STATEMENT_SECONDS = 120.0
#: For a lock that another statement holds.
LOCK_SECONDS = 60.0
#: How long we wait: for a line that is cut off without a word.
ANSWER_SECONDS = STATEMENT_SECONDS + 10
CONNECT_SECONDS = 10.0

#: How often it is asked whether a leader's term is over.
_LOOK_SECONDS = 0.5

_EVENTS = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}


def server_limits() -> str:
    """The server's part, as libpq's ``options``."""
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": LOCK_SECONDS,
        # While the process is frozen, a transaction of a leader keeps the next one from leading.
        "idle_in_transaction_session_timeout": Patience().idle,
    }
    return " ".join(f"-c{name}={seconds * 1000:.0f}" for name, seconds in limits.items())


def limit_waiting(fence: Fence | None) -> None:
    """Let no connection of this process' storages wait longer than that.

    Args:
        fence: of the leader. When its term is over, nothing waits any longer.
    """
    is_over = None if fence is None else fence.is_over

    def wait_for(of: connection) -> None:
        wait(of, is_over)

    set_wait_callback(wait_for)


def wait(of: connection, is_over: Callable[[], bool] | None) -> None:
    """Wait until a connection has connected, or has its answer.

    Raises:
        OperationalError: after the longest time. The driver then closes the connection.
    """
    seconds = CONNECT_SECONDS if of.status == STATUS_SETUP else ANSWER_SECONDS
    deadline = time.monotonic() + seconds
    while (state := of.poll()) != POLL_OK:
        if is_over is not None and is_over():
            raise OperationalError(GIVEN_UP)
        left = deadline - time.monotonic()
        if left <= 0:
            msg = f"no answer in {seconds:.0f} s: the connection is closed"
            raise OperationalError(msg)
        look = select.poll()
        look.register(of.fileno(), _EVENTS[state])
        look.poll((left if is_over is None else min(left, _LOOK_SECONDS)) * 1000)
