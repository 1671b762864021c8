"""What ends together with a leader's process, however it ends: nobody has to wait for its lease."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, Protocol, Self

from sqlalchemy import Connection, text

from dagstead.plane.leases import LEASE_SECONDS, RECONNECT_SECONDS

logger = logging.getLogger(__name__)


class Seat(Protocol):
    """How a candidate knows that a leader is gone, and how others know it of this process."""

    def holds_lock(self) -> bool:
        """Whether the leader keeps something that no other can take from it, at the last look."""

    def session(self, connection: Connection) -> str:
        """What to write into the lease: it ends with this process, or with its connection."""

    def needed_seconds(self, connection: Connection, session: str | None) -> float:
        """How long to wait for a renewal, by whether what the leader has written has ended."""

    def evict(self, session: str | None) -> bool:
        """End a leader that does nothing any more; return whether it can be ended from here."""

    def is_foreign(self, session: str | None) -> bool:
        """Whether a leader is where it cannot use this database without breaking it."""

    def leave(self) -> None:
        """Let another process lead."""


@dataclass(slots=True)
class PostgresSeat:
    """The connection by which the lease is renewed: the server knows when it has ended."""

    def holds_lock(self) -> bool:
        """No: a new epoch is enough, as the database refuses what an old one writes."""
        return False

    def session(self, connection: Connection) -> str:
        """The connection's process on the server, which may be of another one tomorrow."""
        query = text(
            "SELECT pid || ':' || extract(epoch FROM backend_start) "
            "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        return str(connection.execute(query).scalar_one())

    def needed_seconds(self, connection: Connection, session: str | None) -> float:
        """Less once the leader's connection has ended: its process may live, and connect again."""
        return RECONNECT_SECONDS if self._has_ended(connection, session) else LEASE_SECONDS

    def _has_ended(self, connection: Connection, session: str | None) -> bool:
        # Of other users' connections the server shows only that there are.
        pid, _, start = (session or "").partition(":")
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE pid = :pid "
            "AND (backend_start IS NULL OR extract(epoch FROM backend_start)::text = :start)"
        )
        found = connection.execute(query, {"pid": int(pid or 0), "start": start})
        return not found.scalar_one()

    def evict(self, session: str | None) -> bool:
        """Nothing: it keeps no lock."""
        del session
        return True

    def is_foreign(self, session: str | None) -> bool:
        """No: it may be on any machine."""
        del session
        return False

    def leave(self) -> None:
        """Nothing: the connection is closed by its owner."""


@dataclass(slots=True)
class FolderSeat:
    """A locked file in the data folder, for SQLite: Dagster's files have no fence of their own.

    So a frozen leader is killed before another one begins, if it can be seen: one in another
    container is waited for. A leader on another machine is foreign: neither such locks nor SQLite
    itself can be relied on between machines.
    """

    file: Path
    _locked: IO[str] | None = field(default=None, init=False)

    def holds_lock(self) -> bool:
        """Whether another process has locked the file."""
        return self._locked is None

    def session(self, connection: Connection) -> str:
        """This process, by its number and its start, and where these count."""
        del connection
        return str(_Process.this())

    def needed_seconds(self, connection: Connection, session: str | None) -> float:
        """Nothing where the leader's lock has ended, if it could be seen here."""
        del connection
        if self._locked is None:
            self._locked = self._lock()
        has_ended = self._locked is not None and _Process.of(session).is_on_this_machine()
        return 0.0 if has_ended else LEASE_SECONDS

    def evict(self, session: str | None) -> bool:
        """Kill it, if it is a process that can be seen from here."""
        leader = _Process.of(session)
        if not leader.is_visible():
            return False
        # Else it has just ended, which the next look at the lock will show.
        if leader.runs() and leader != _Process.this():
            logger.warning("Process %d leads and does nothing any more: killing it", leader.pid)
            try:
                os.kill(leader.pid, signal.SIGKILL)
            except PermissionError:
                return False
            except ProcessLookupError:
                pass
        return True

    def is_foreign(self, session: str | None) -> bool:
        """Whether it is a process of another machine."""
        return not _Process.of(session).is_on_this_machine()

    def leave(self) -> None:
        """Unlock the file."""
        if self._locked is not None:
            self._locked.close()
            self._locked = None

    def _lock(self) -> IO[str] | None:
        file = self.file.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file


class _Process(NamedTuple):
    """A process by its number, which is used again, and by what makes that number unique."""

    #: The start of the machine's kernel.
    boot: str
    #: Where numbers of processes count: containers have namespaces of their own.
    namespace: str
    pid: int
    #: When it started, in ticks since the start of the machine.
    started: str

    @classmethod
    def this(cls) -> Self:
        return cls(_boot(), _namespace(), os.getpid(), _started(os.getpid()) or "")

    @classmethod
    def of(cls, session: str | None) -> Self:
        """What :meth:`__str__` made; an unknown text is of no machine."""
        boot, namespace, pid, started = [*(session or "").split("/"), *"   "][:4]
        return cls(boot, namespace, int(pid) if pid.isdigit() else 0, started)

    def __str__(self) -> str:
        return f"{self.boot}/{self.namespace}/{self.pid}/{self.started}"

    def is_on_this_machine(self) -> bool:
        return self.boot == _boot()

    def is_visible(self) -> bool:
        return self.is_on_this_machine() and self.namespace == _namespace()

    def runs(self) -> bool:
        return _started(self.pid) == self.started


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _namespace() -> str:
    with suppress(OSError):
        return Path("/proc/self/ns/pid").readlink().name
    return ""


def _started(pid: int) -> str | None:
    """When a process started, or ``None`` if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # Its name is in parentheses, and may contain some. What follows begins with the third field.
    return stat.rpartition(")")[2].split()[19]
