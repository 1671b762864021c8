"""The key of a write of events is stored with them, unless they change the status of a run."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.events.log import EventLogEntry
from sqlalchemy import Connection

from dagstead.agent_api.events import EventWriter
from dagstead.control.writes import WriteLedger
from dagstead.engine.event_groups import GroupedEventLog
from dagstead.errors import InvalidInputError, StoreAwayError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.writes import WriteState
from dagstead.store.writes import WriteStore
from tests.support.backups import Scene, open_plane
from tests.support.event_logs import RUN_ID, line

pytestmark = pytest.mark.storage

KEY = "key"


class Writing:
    """Writes events into a deployment."""

    def __init__(self, instance: DagsterInstance, writes: WriteStore, ledger: WriteLedger) -> None:
        self.instance = instance
        self.writes = writes
        self.writer = EventWriter(instance=instance, ledger=ledger)

    def write(self, *entries: EventLogEntry) -> None:
        """Write them, always with the same key."""
        self.writer.write(entries, KEY)

    def logged(self) -> list[str]:
        """The lines that are stored."""
        return [each.user_message for each in self.instance.all_logs(RUN_ID)]


@pytest.fixture
def writing(scene: Scene) -> Iterator[Writing]:
    with open_plane(scene.loaded) as plane:
        instance = plane.instance("prod")
        instance.run_storage.add_run(DagsterRun(job_name="job", run_id=RUN_ID))
        ledger = WriteLedger(plane.store.writes, plane.store.bell, "prod")
        yield Writing(instance, plane.store.writes, ledger)


def test_lines_are_stored_once_with_their_key(writing: Writing) -> None:
    writing.write(line("one"), line("two"))
    writing.write(line("one"), line("two"))
    assert writing.logged() == ["one", "two"]
    assert not writing.writes.has("prod", KEY)


def test_the_ledger_has_the_key_of_what_moves_a_run(writing: Writing) -> None:
    kind = DagsterEventType.RUN_START.value
    start = EventLogEntry(
        None, 10, "", RUN_ID, 1.0, None, "job", DagsterEvent(event_type_value=kind, job_name="job")
    )
    writing.write(line("one"), start)
    writing.write(line("one"), start)
    assert writing.logged() == ["one", ""]
    assert writing.writes.has("prod", KEY)
    run = writing.instance.get_run_by_id(RUN_ID)
    assert run is not None
    assert run.status is DagsterRunStatus.STARTED


def test_what_an_older_version_has_written_is_not_written_again(writing: Writing) -> None:
    assert writing.writes.begin("prod", KEY) is WriteState.NEW
    writing.instance.handle_new_event(line("one"))
    writing.writes.finish("prod", KEY)
    writing.write(line("one"))
    assert writing.logged() == ["one"]


def test_what_an_older_version_began_is_brought_to_its_end(writing: Writing) -> None:
    writing.writes.begin("prod", KEY)
    writing.instance.handle_new_event(line("one"))
    writing.writes.interrupt_all(ORGANIZATION)
    writing.write(line("one"), line("two"))
    assert writing.logged() == ["one", "two"]


def test_a_full_disk_is_named_and_the_write_may_come_again(writing: Writing) -> None:
    log = writing.instance.event_log_storage
    assert isinstance(log, GroupedEventLog)
    begin = log.groups._begin

    @contextmanager
    def full() -> Iterator[Connection]:
        with begin() as connection:
            yield connection
            raise OSError(errno.ENOSPC, "No space left on device")

    log.groups._begin = full
    with pytest.raises(StoreAwayError, match="disk is full"):
        writing.write(line("one"))
    log.groups._begin = begin
    writing.write(line("one"))
    assert writing.logged() == ["one"]


def test_a_key_that_is_too_long_is_refused(writing: Writing) -> None:
    with pytest.raises(InvalidInputError, match="Idempotency-Key"):
        writing.writer.write([line("one")], "k" * 1000)
    assert writing.logged() == []
