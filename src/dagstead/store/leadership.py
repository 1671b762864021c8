"""Who may run the daemons: one process at a time, however many are started."""

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

    Not for several threads.
    """

    database: Database
    #: The file that is locked on SQLite.
    file: Path
    _connection: Connection | None = field(default=None, init=False)
    _locked_file: IO[str] | None = field(default=None, init=False)

    def try_acquire(self) -> bool:
        """Take the lock if it is free; True when this process has it.

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
            LeadershipLostError: when it may not be. The daemons must stop at once.
        """
        if self.database.is_sqlite:
            return
        if self._connection is None:
            raise LeadershipLostError
        try:
            # The lock lives exactly as long as the session: one that answers still has it.
            self._connection.execute(text("SELECT 1"))
        except Exception as error:
            self._connection = None
            raise LeadershipLostError from error

    def release(self) -> None:
        """Let another process have the lock."""
        if self._connection is not None:
            # A closed connection frees the lock only when the server notices: another process that
            # asks at once would be refused.
            with suppress(StoreAwayError), translated():
                self._connection.execute(text(f"SELECT pg_advisory_unlock({_LOCK})"))
            # Not back to the pool: the lock would live on with the session.
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
