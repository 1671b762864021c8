"""Dagster's storage in SQLite files, with connections that are kept.

Open-source storage opens a connection for every statement, with an engine of its own: the statement
is compiled anew, and as the connection closes, SQLite writes what was logged into the database file
and deletes the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from dagster import DagsterInstance
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log import (
    SQLITE_EVENT_LOG_FILENAME,
)
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError

from dagstead.engine.event_groups import EventGroups, GroupedEventLog

logger = logging.getLogger(__name__)

#: Connections of a file that are kept. More are opened while more are in use.
_KEPT = 4
#: How often a live log is looked at by itself, for what other processes write, and how soon it is
#: looked at again when this one writes.
_LOOK_SECONDS = 1.0
_LEAST_SECONDS = 0.05
#: How long the thread of live logs may take to end.
_STOP_SECONDS = 15.0


def _held(url: str) -> Engine:
    return create_engine(
        url,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
        pool_size=_KEPT,
        max_overflow=-1,
    )


class _Keeping:
    """What the storages of runs and of schedules do in the same way."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._held = _held(conn_string)
        super().__init__(conn_string, inst_data)  # type: ignore[call-arg]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """As Dagster's, which makes one of its own class."""
        made: Self = cls.from_local(inst_data=inst_data, **config_value)  # type: ignore[attr-defined]
        return made

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction."""
        with self._held.begin() as connection:
            yield connection

    def close_idle(self) -> None:
        """Close the connections that are not in use; a next statement opens others."""
        self._held.dispose()

    def dispose(self) -> None:
        """Close the connections that are not in use."""
        self.close_idle()


class HeldRunStorage(_Keeping, SqliteRunStorage):
    """Runs, and what is stored with them."""


class HeldScheduleStorage(_Keeping, SqliteScheduleStorage):
    """Schedules and sensors, and their ticks."""


class HeldEventLog(GroupedEventLog, ConsolidatedSqliteEventLogStorage):
    """The events of all runs, in one file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.groups = EventGroups(self._begin, tell=self._has_written)
        self._held = _held(create_db_conn_string(base_dir, SQLITE_EVENT_LOG_FILENAME))
        self._watching = threading.Lock()
        self._looking: _Looking | None = None
        super().__init__(base_dir, inst_data)
        self.groups.prepare(self._connect)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with self._held.begin() as connection:
            # The driver would begin it at the first change, after what is read for that.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        if self.groups.connection is not None:
            yield self.groups.connection
            return
        with self._held.begin() as connection:
            yield connection

    def watch(self, run_id: str, cursor: str | None, callback: Callable[[Any, str], Any]) -> None:
        """Call back for every new event of a run.

        Dagster's looks at the file of the database, into which events come late while connections
        are kept: they are in the log beside it.
        """
        with self._watching:
            self._watchers[run_id][callback] = cursor
            if self._looking is None:
                self._looking = _Looking(self._held, self._tell, self._nobody_watches)
                self._looking.start()

    def close_idle(self) -> None:
        """Close the connections that are not in use; a next statement opens others."""
        self._held.dispose()

    def dispose(self) -> None:
        """Close the connections that are not in use, and watch no more."""
        with self._watching:
            looking, self._looking = self._looking, None
        if looking is not None:
            looking.stop()
        self.close_idle()

    def _has_written(self) -> None:
        looking = self._looking
        if looking is not None:
            looking.called.set()

    def _tell(self) -> None:
        self.on_modified()  # type: ignore[no-untyped-call]

    def _nobody_watches(self) -> bool:
        with self._watching:
            if any(self._watchers.values()):
                return False
            # Who watches next starts another thread.
            self._looking = None
            return True


def close_idle(instance: DagsterInstance) -> None:
    """Close an instance's connections to SQLite files that are not in use.

    Each has a cache of its own, and knows all tables: half a megabyte for a deployment.
    """
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        if isinstance(storage, (_Keeping, HeldEventLog)):
            storage.close_idle()


class _Looking(threading.Thread):
    """Looks whether somebody has written, for those who watch a run."""

    def __init__(
        self, engine: Engine, tell: Callable[[], None], is_over: Callable[[], bool]
    ) -> None:
        super().__init__(name="live-log", daemon=True)
        self._engine = engine
        self._tell = tell
        self._is_over = is_over
        self._stopped = threading.Event()
        #: Set when this process has written.
        self.called = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self.called.set()
        if self is not threading.current_thread():
            self.join(_STOP_SECONDS)

    def run(self) -> None:
        """Look, until it is stopped or nobody watches any more."""
        while not self._pauses():
            try:
                with self._engine.connect() as connection:
                    self._follow(connection)
                    return
            except (SQLAlchemyError, RuntimeError) as error:
                # Or somebody has begun to watch while all were told.
                logger.debug("A live log could not be read: %s", error)

    def _follow(self, connection: Connection) -> None:
        seen = None
        while True:
            # Another number once another connection, of any process, has written.
            version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
            if version != seen:
                seen = version
                self._tell()
            if self._pauses():
                return

    def _pauses(self) -> bool:
        """Wait until there may be something new; return whether it should end."""
        self.called.wait(_LOOK_SECONDS)
        if self._stopped.wait(_LEAST_SECONDS):
            return True
        # Whoever has written until here is seen in the next look.
        self.called.clear()
        return self._is_over()
