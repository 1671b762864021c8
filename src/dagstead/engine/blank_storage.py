"""The SQLite files of a deployment for which nothing is stored yet.

For such files, Dagster makes each table and runs all of its migrations: a quarter of a second of
processor, and three megabytes that Python does not give back. So that is done once in a process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage

from dagstead.engine.sqlite_storages import HeldEventLog, HeldRunStorage, HeldScheduleStorage

_OURS = (HeldRunStorage, HeldEventLog, HeldScheduleStorage)
#: Dagster's own, which make what ours find.
_ITS = (SqliteRunStorage, ConsolidatedSqliteEventLogStorage, SqliteScheduleStorage)


def sqlite_settings(home: Path) -> dict[str, Any]:
    """Dagster's settings for storage in files.

    Args:
        home: the folder of the deployment.
    """
    return _settings(home, _OURS)


def _settings(home: Path, kinds: tuple[type, type, type]) -> dict[str, Any]:
    runs, events, schedules = kinds
    return {
        "run_storage": _setting(runs, home / "runs"),
        # One file for all runs: it has the global cursors that agents ask for, and takes more
        # events per second from several runs than one file per run would.
        "event_log_storage": _setting(events, home / "events"),
        "schedule_storage": _setting(schedules, home / "schedules"),
    }


def _setting(kind: type, folder: Path) -> dict[str, Any]:
    return {
        "module": kind.__module__,
        "class": kind.__name__,
        "config": {"base_dir": str(folder)},
    }


def make_blank_storage(home: Path) -> None:
    """Make the files of a new deployment; does nothing where there are some.

    Args:
        home: the folder of the deployment. No other process may do this at the same time.
    """
    if any(home.glob("*/*.db")):
        return
    for name, content in _blank_files().items():
        target = home / name
        target.parent.mkdir(exist_ok=True)
        beside = target.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # Whoever is killed leaves a whole file, or none, which Dagster then makes.
        beside.replace(target)


@cache
def _blank_files() -> Mapping[str, bytes]:
    """What Dagster makes, by its path below a deployment's folder."""
    with TemporaryDirectory(prefix="dagstead-") as made:
        home = Path(made)
        settings = {**_settings(home, _ITS), "telemetry": {"enabled": False}}
        with DagsterInstance.from_ref(InstanceRef.from_dir(made, overrides=settings)) as instance:
            instance.upgrade()
        # The last connection that was closed has left everything in one file.
        return {str(path.relative_to(home)): path.read_bytes() for path in home.glob("*/*.db")}
