"""Dagster's storage in SQLite files, with connections that are kept.

Open-source storage opens a connection for every statement, with an engine of its own: the statement
is compiled anew, and as the connection closes, SQLite writes what was logged into the database file
and deletes the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.consolidated_sqlite_event_log import (
    SQLITE_EVENT_LOG_FILENAME,
)
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from watchdog.events import FileSystemEvent, PatternMatchingEventHandler
from watchdog.observers import Observer

#: Connections of a file that are kept. More are opened while more are in use.
_KEPT = 4


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

    def dispose(self) -> None:
        """Close the connections that are not in use."""
        self._held.dispose()


class HeldRunStorage(_Keeping, SqliteRunStorage):
    """Runs, and what is stored with them."""


class HeldScheduleStorage(_Keeping, SqliteScheduleStorage):
    """Schedules and sensors, and their ticks."""


class HeldEventLog(ConsolidatedSqliteEventLogStorage):
    """The events of all runs, in one file."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._held = _held(create_db_conn_string(base_dir, SQLITE_EVENT_LOG_FILENAME))
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._held.begin() as connection:
            yield connection

    def watch(self, run_id: str, cursor: str | None, callback: Callable[[Any, str], Any]) -> None:
        """Call back for every new event of a run.

        Dagster's looks at the file of the database, into which events come late while connections
        are kept: they are in the log beside it.
        """
        if self._obs is None:
            observer = Observer()
            observer.start()
            observer.schedule(_Changes(self), self._base_dir, recursive=True)
            self._obs = observer  # type: ignore[assignment]
        self._watchers[run_id][callback] = cursor

    def dispose(self) -> None:
        """Close the connections that are not in use, and watch no more."""
        self._held.dispose()
        super().dispose()  # type: ignore[no-untyped-call]


class _Changes(PatternMatchingEventHandler):
    """Hears when something is written to the database, or to its log."""

    def __init__(self, storage: HeldEventLog) -> None:
        file = storage.get_db_path()  # type: ignore[no-untyped-call]
        super().__init__(patterns=[file, f"{file}-wal"])
        self._storage = storage

    def on_modified(self, event: FileSystemEvent) -> None:
        """Look for new events."""
        del event
        self._storage.on_modified()  # type: ignore[no-untyped-call]
