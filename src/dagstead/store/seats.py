"""What ends together with a leader's process, however it ends: nobody has to wait for its lease."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Connection, text

logger = logging.getLogger(__name__)


class Seat(Protocol):
    """How a candidate knows that a leader is gone, and how others know it of this process."""

    #: Whether a leader keeps something that no other can take from it.
    holds_lock: bool

    def session(self, connection: Connection) -> str:
        """What to write into the lease: it ends with this process, or with its connection."""

    def is_gone(self, connection: Connection, session: str | None) -> bool:
        """Whether what a leader wrote into the lease has ended for sure."""

    def evict(self, session: str | None) -> None:
        """End a leader that does nothing any more, and keeps its lock."""

    def leave(self) -> None:
        """Let another process lead."""


@dataclass(slots=True)
class PostgresSeat:
    """The connection by which the lease is renewed: the server knows when it has ended."""

    holds_lock: bool = field(default=False, init=False)

    def session(self, connection: Connection) -> str:
        """The connection's process on the server, which may be of another one tomorrow."""
        query = text(
            "SELECT pid || ':' || extract(epoch FROM backend_start) "
            "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        return str(connection.execute(query).scalar_one())

    def is_gone(self, connection: Connection, session: str | None) -> bool:
        """See :class:`Seat`. Of other users' connections the server shows only that there are."""
        pid, _, start = (session or "").partition(":")
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid "
            "AND (backend_start IS NULL OR extract(epoch FROM backend_start)::text = :start)"
        )
        found = connection.execute(query, {"pid": int(pid or 0), "start": start})
        return not found.scalar_one()

    def evict(self, session: str | None) -> None:
        """Nothing: a new epoch is enough, as the database refuses what an old one writes."""

    def leave(self) -> None:
        """Nothing: the connection is closed by its owner."""


@dataclass(slots=True)
class FolderSeat:
    """A locked file in the data folder, for SQLite: Dagster's files have no fence of their own.

    So a frozen leader is killed before another one begins, which is why both must be processes of
    one machine: a leader elsewhere, or in another container, is waited for.
    """

    file: Path
    holds_lock: bool = field(default=True, init=False)
    _locked: IO[str] | None = field(default=None, init=False)

    def session(self, connection: Connection) -> str:
        """This process, by its number and its start: numbers are used again."""
        del connection
        return _identity(os.getpid()) or ""

    def is_gone(self, connection: Connection, session: str | None) -> bool:
        """Whether the file could be locked, or was by this process already."""
        del connection, session
        if self._locked is not None:
            return True
        file = self.file.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._locked = file
        return True

    def evict(self, session: str | None) -> None:
        """Kill it, if it is a process of this machine."""
        pid = int((session or "").partition(":")[0] or 0)
        if pid in {0, os.getpid()} or _identity(pid) != session:
            return
        logger.warning("Process %d leads and does nothing any more: killing it", pid)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)

    def leave(self) -> None:
        """Unlock the file."""
        if self._locked is not None:
            self._locked.close()
            self._locked = None


def _identity(pid: int) -> str | None:
    """A process' number and when it started, or ``None`` if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # Its name is in parentheses, and may contain some. What follows begins with the third field.
    started = stat.rpartition(")")[2].split()[19]
    return f"{pid}:{started}"
