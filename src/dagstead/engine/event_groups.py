"""Writers of one event log that come together share a transaction.

A transaction is durable once the disk has confirmed it, and that takes longer than all else. While
one is confirmed, others wait; the first of them then stores what all of them bring. The key of a
write, by which it is known when it is sent again, is stored with it: both are there, or neither.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from dagster._core.events.log import EventLogEntry
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    MetaData,
    String,
    Table,
    delete,
    inspect,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from dagstead.engine.run_log import changes_status
from dagstead.errors import WriteFailedError
from dagstead.plane.names import KEY_MAX
from dagstead.plane.writes import KEPT_SECONDS

#: Writes in a transaction. Other processes cannot write to a SQLite file while it is open.
_MOST = 64
#: How often keys that nobody sends again are looked for.
_PURGE_SECONDS = 60.0
#: What Postgres says to one of two transactions that wait for each other.
_DEADLOCK = "40P01"

_metadata = MetaData()

#: The keys of the writes in this event log. The empty one says since when it has keys.
_keys = Table(
    "dagstead_writes",
    _metadata,
    Column("key", String(KEY_MAX), primary_key=True),
    Column("stored_at", Float, nullable=False),
)
Index("ix_dagstead_writes_stored_at", _keys.c.stored_at)

#: Made once: making a statement takes longer than sending it.
_UNLESS_KNOWN = {
    "sqlite": sqlite.insert(_keys).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(_keys).on_conflict_do_nothing(),
}

Begin = Callable[[], AbstractContextManager[Connection]]


@dataclass(slots=True, eq=False, kw_only=True)
class _Write:
    """What one caller brings, and what has become of it."""

    store: Callable[[], object]
    key: str | None
    turn: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False
    error: BaseException | None = field(default_factory=WriteFailedError)


class EventGroups:
    """Stores what is written to one event log, once for each key."""

    def __init__(
        self,
        begin: Begin,
        clock: Callable[[], float] = time.time,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is written yet.

        Args:
            begin: begins a transaction that may write, and commits it at the end.
            clock: seconds since 1970.
            tell: called when something was written; takes no time.
        """
        self._begin = begin
        self.tell = tell
        self._clock = clock
        self._own = threading.local()
        self._lock = threading.Lock()
        self._waiting: deque[_Write] = deque()
        self._is_led = False
        self._purged_at = clock()
        self._had_keys_since = clock()

    @property
    def connection(self) -> Connection | None:
        """The transaction in which this thread stores something at this moment."""
        return getattr(self._own, "connection", None)

    def prepare(self, read: Begin) -> None:
        """Make the table of keys, if there is none; no other process may do so meanwhile.

        Args:
            read: connects, for questions: others may write for long.
        """
        with read() as connection:
            known = _since(connection) if inspect(connection).has_table(_keys.name) else None
        if known is None:
            with self._begin() as connection:
                _metadata.create_all(connection)
                _insert(connection, "", self._clock())
                known = _since(connection)
        self._had_keys_since = known or self._clock()

    def had_keys(self, seconds: float) -> bool:
        """Whether the keys of that many last seconds are all here."""
        return self._clock() - self._had_keys_since > seconds

    def write(self, store: Callable[[], object], key: str | None = None) -> None:
        """Store something with what others bring at the same moment; return when it is durable.

        Args:
            store: stores it. Another thread may call it, and again if it fails.
            key: by which it is stored once. ``None`` stores it each time.

        Raises:
            Exception: what ``store`` or the commit has raised; nothing of it is stored then.
        """
        if self.connection is not None:
            store()
            return
        write = _Write(store=store, key=key)
        with self._lock:
            self._waiting.append(write)
            leads, self._is_led = not self._is_led, True
        if not leads:
            write.turn.wait()
        if not write.is_over:
            self._lead()
        if write.error is not None:
            raise write.error

    def _lead(self) -> None:
        """Store what waits, and let the next one of those who came meanwhile lead."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
        try:
            for alone in self._together(group):
                self._together([alone])
            self.tell()
        finally:
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].turn.set()
            for each in group:
                each.is_over = True
                each.turn.set()

    def _together(self, group: Sequence[_Write]) -> Sequence[_Write]:
        """Store a group; return those that each have to be stored alone, as one of them failed."""
        try:
            with self._begin() as connection:
                self._own.connection = connection
                self._purge(connection)
                for each in group:
                    self._one(connection, each)
        except Exception as error:  # noqa: BLE001 - each of them raises it
            if len(group) > 1 and not _concerns_all(error):
                return group
            for each in group:
                each.error = error
            return ()
        finally:
            self._own.connection = None
        for each in group:
            each.error = None
        return ()

    def _one(self, connection: Connection, write: _Write) -> None:
        if write.key is None or _insert(connection, write.key, self._clock()):
            write.store()

    def _purge(self, connection: Connection) -> None:
        now = self._clock()
        if now - self._purged_at > _PURGE_SECONDS:
            self._purged_at = now
            old = (_keys.c.stored_at < now - KEPT_SECONDS) & (_keys.c.key != "")
            connection.execute(delete(_keys).where(old))


class GroupedEventLog:
    """What an event log of Dagster becomes whose writers share transactions."""

    groups: EventGroups

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, with what others write at the same moment.

        One that changes the status of a run waits for nobody: our record of the launch has changed
        before, and whoever reads that looks for the event.
        """
        if changes_status(event):
            super().store_event(event)  # type: ignore[misc]
            self.groups.tell()
        else:
            self.groups.write(partial(super().store_event, event))  # type: ignore[misc]

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store some events, with what others write at the same moment."""
        self.groups.write(partial(super().store_event_batch, events))  # type: ignore[misc]


def _since(connection: Connection) -> float | None:
    found: float | None = connection.execute(
        select(_keys.c.stored_at).where(_keys.c.key == "")
    ).scalar_one_or_none()
    return found


def _insert(connection: Connection, key: str, now: float) -> bool:
    """Store a key; return whether it is new."""
    statement = _UNLESS_KNOWN[connection.dialect.name]
    return connection.execute(statement, {"key": key, "stored_at": now}).rowcount > 0


def _concerns_all(error: Exception) -> bool:
    """Whether it is about the database, and whoever comes next would wait for it just as long."""
    code = getattr(getattr(error, "orig", None), "pgcode", None)
    return isinstance(error, OperationalError) and code != _DEADLOCK
