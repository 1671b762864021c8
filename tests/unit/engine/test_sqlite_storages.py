"""Connections to a deployment's SQLite files are kept, and what is written through them is seen."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.events.log import EventLogEntry
from sqlalchemy import event
from sqlalchemy.pool import Pool

from dagstead.engine import sqlite_storages
from dagstead.engine.instances import Instances
from tests.unit.engine.runs import report


@pytest.fixture
def connected() -> Iterator[list[Any]]:
    """The connections that are opened in the test."""
    opened: list[Any] = []

    def note(connection: Any, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", note)
    yield opened
    event.remove(Pool, "connect", note)


def test_events_are_stored_without_a_new_connection(
    instance: DagsterInstance, queued: DagsterRun, connected: list[Any]
) -> None:
    report(instance, queued, DagsterEventType.RUN_STARTING)
    connected.clear()
    for _ in range(20):
        instance.report_engine_event("said", queued)
    assert connected == []


def test_a_live_log_gets_what_another_process_writes(
    instances: Instances, instance: DagsterInstance, queued: DagsterRun
) -> None:
    """Both keep a connection, so nothing is written into the file of the database."""
    other = Instances(instances.store, instances.folder, None)
    writer = other.get(instances.store.deployments.get("prod"))
    report(writer, queued, DagsterEventType.RUN_STARTING)
    seen: list[str] = []
    arrived = threading.Event()

    def note(entry: EventLogEntry, _cursor: str) -> None:
        seen.append(entry.message)
        arrived.set()

    cursor = instance.get_records_for_run(queued.run_id).cursor
    instance.watch_event_logs(queued.run_id, cursor, note)
    writer.report_engine_event("said", queued)
    assert arrived.wait(60)
    assert seen == ["said"]
    other.close()


def test_a_live_log_is_told_of_what_this_process_writes(
    instance: DagsterInstance, queued: DagsterRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_storages, "_LOOK_SECONDS", 3600.0)
    seen: queue.SimpleQueue[str] = queue.SimpleQueue()

    def note(entry: EventLogEntry, _cursor: str) -> None:
        seen.put(entry.message)

    cursor = instance.get_records_for_run(queued.run_id).cursor
    instance.watch_event_logs(queued.run_id, cursor, note)
    instance.report_engine_event("one", queued)
    assert seen.get(timeout=60) == "one"
    instance.report_engine_event("another", queued)
    assert seen.get(timeout=60) == "another"
    report(instance, queued, DagsterEventType.RUN_STARTING)
    assert seen.get(timeout=60) == ""
    instance.end_watch_event_logs(queued.run_id, note)


def test_closing_leaves_no_file_open(instances: Instances, instance: DagsterInstance) -> None:
    assert instance.get_runs_count() == 0
    assert _open_below(instances.folder)
    instances.close()
    assert _open_below(instances.folder) == set()


def _open_below(folder: Path) -> set[str]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = entry.readlink()
        except FileNotFoundError:
            continue
        if target.is_relative_to(folder):
            found.add(str(target))
    return found
