"""The lock for the daemons: only one process at a time runs them."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, text

from dagstead.errors import DagsteadError, StoreAwayError
from dagstead.store.away import translated
from dagstead.store.database import Database

_LOCK = "hashtext('dagstead-daemon')"


class LeadershipLostError(DagsteadError):
    """Another process may run the daemons now: the connection that held the lock was lost."""


@dataclass(slots=True)
class Leadership:
    """A lock that ends with its process: an advisory lock on Postgres, a locked file on SQLite.

    It is not safe for several threads.
    """

    database: Database
    #: The file that is locked on SQLite.
    file: Path
    _connection: Connection | None = field(default=None, init=False)
    _locked_file: IO[str] | None = field(default=None, init=False)

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether this process has it.

        Raises:
            StoreAwayError: when the database does not answer.
        """
        if self.database.is_sqlite:
            return self._lock_file()
        if self._connection is None:
            self._connection = self.database.hold()
        query = text(f"SELECT pg_try_advisory_lock({_LOCK})")
        with translated():
            return bool(self._connection.execute(query).scalar_one())

    def require(self) -> None:
        """Check that the lock is still held.

        Raises:
            LeadershipLostError: when it may be lost. The daemons must stop at once.
        """
        if self.database.is_sqlite:
            return
        if self._connection is None:
            raise LeadershipLostError
        try:
            # The lock lives as long as the session: a session that answers still has it.
            self._connection.execute(text("SELECT 1"))
        except Exception as error:
            self._connection = None
            raise LeadershipLostError from error

    def release(self) -> None:
        """Release the lock for another process."""
        if self._connection is not None:
            # The server notices a closed connection late: until then, another process would not get
            # the lock.
            with suppress(StoreAwayError), translated():
                self._connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
            # The connection must not go back to the pool, as its session would keep the lock.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        if self._locked_file is not None:
            self._locked_file.close()
            self._locked_file = None

    def _lock_file(self) -> bool:
        if self._locked_file is not None:
            return True
        file = self.file.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locked_file = file
        return True
