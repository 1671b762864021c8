"""Each event of a run is stored once, whatever becomes of the server in between."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetObservation,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
)
from dagster._core.events import AssetObservationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.dagster_run import DagsterRun

from dagstead.agent_api.events import EventWriter
from dagstead.agent_api.rest import error_response
from dagstead.control.writes import WriteLedger
from dagstead.errors import BusyError, StoreAwayError, WriteFailedError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.writes import ABANDONED_SECONDS
from dagstead.store.all import Store
from tests.support.stores import empty_store

RUN_ID = "a-run"


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class DyingInstance:
    """An instance whose server dies at one of the events, before or after it is stored."""

    instance: DagsterInstance
    dies_at: int
    after_storing: bool
    error: type[BaseException] | BaseException = KeyboardInterrupt
    handled: int = field(default=0)

    def handle_new_event(self, entry: EventLogEntry) -> None:
        self.handled += 1
        if self.handled == self.dies_at:
            if self.after_storing:
                self.instance.event_log_storage.store_event(entry)
            raise self.error
        self.instance.handle_new_event(entry)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.instance, name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as opened:
        opened.run_storage.add_run(DagsterRun(job_name="job", run_id=RUN_ID))
        yield opened


@pytest.fixture
def writer(store: Store, instance: DagsterInstance) -> EventWriter:
    return writing(store, instance)


def writing(store: Store, instance: Any) -> EventWriter:
    return EventWriter(instance=instance, ledger=WriteLedger(store.writes, store.bell, "prod"))


def entry(kind: DagsterEventType, timestamp: float) -> EventLogEntry:
    event = DagsterEvent(event_type_value=kind.value, job_name="job", message=kind.value)
    return EventLogEntry(None, 10, "", RUN_ID, timestamp, None, "job", event)


def line(text: str, timestamp: float) -> EventLogEntry:
    return EventLogEntry(None, 10, text, RUN_ID, timestamp, None, "job", None)


def observed(asset: str, partition: str) -> EventLogEntry:
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_OBSERVATION.value,
        job_name="job",
        event_specific_data=AssetObservationData(AssetObservation(asset, partition=partition)),
    )
    return EventLogEntry(None, 10, "", RUN_ID, 1.0, None, "job", event)


START = entry(DagsterEventType.RUN_START, 1.0)
SUCCESS = entry(DagsterEventType.RUN_SUCCESS, 2.0)
BATCH = [START, line("one", 1.25), line("two", 1.5), SUCCESS]


def logged(instance: DagsterInstance) -> Sequence[EventLogEntry]:
    return instance.all_logs(RUN_ID)


def status(instance: DagsterInstance) -> DagsterRunStatus:
    run = instance.get_run_by_id(RUN_ID)
    assert run is not None
    return run.status


def test_a_write_is_done_once_for_its_key(writer: EventWriter, instance: DagsterInstance) -> None:
    for _ in range(2):
        writer.write([START], "key")
    assert logged(instance) == [START]
    assert status(instance) is DagsterRunStatus.STARTED


def test_without_a_key_each_write_is_done(writer: EventWriter, instance: DagsterInstance) -> None:
    for _ in range(2):
        writer.write([line("same", 1.0)], None)
    assert len(logged(instance)) == 2


def test_what_a_step_says_of_the_partitions_of_an_asset_is_stored_together(
    writer: EventWriter, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    storage = instance.event_log_storage
    store_batch = storage.store_event_batch

    def counted(events: Sequence[EventLogEntry]) -> None:
        together.append(len(events))
        store_batch(events)

    monkeypatch.setattr(storage, "store_event_batch", counted)
    writer.write([observed("numbers", f"part-{number}") for number in range(3)], "one asset")
    assert together == [3]
    writer.write([observed("numbers", "part-3"), observed("letters", "part-3")], "two assets")
    assert together == [3]
    partitions = [each.dagster_event and each.dagster_event.partition for each in logged(instance)]
    assert partitions == ["part-0", "part-1", "part-2", "part-3", "part-3"]


def test_keys_of_deployments_are_their_own(
    store: Store, writer: EventWriter, instance: DagsterInstance
) -> None:
    writer.write([line("same", 1.0)], "key")
    other = EventWriter(instance=instance, ledger=WriteLedger(store.writes, store.bell, "other"))
    other.write([line("same", 1.0)], "key")
    assert len(logged(instance)) == 2


def test_a_try_beside_one_under_way_is_to_come_again(
    store: Store, writer: EventWriter, instance: DagsterInstance
) -> None:
    store.writes.begin("prod", "key")
    with pytest.raises(BusyError):
        writer.write([START], "key")
    assert logged(instance) == []


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
@pytest.mark.parametrize("after_storing", [True, False])
def test_what_an_interrupted_write_left_out_is_written(
    store: Store, instance: DagsterInstance, dies_at: int, *, after_storing: bool
) -> None:
    dying = DyingInstance(instance, dies_at, after_storing=after_storing)
    with pytest.raises(KeyboardInterrupt):
        writing(store, dying).write(BATCH, "key")
    writing(store, instance).write(BATCH, "key")
    assert sorted(logged(instance), key=lambda each: each.timestamp) == BATCH
    assert status(instance) is DagsterRunStatus.SUCCESS


def test_a_failing_storage_asks_for_the_write_again(
    store: Store, instance: DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    failing = DyingInstance(instance, 2, after_storing=True, error=OSError)
    with pytest.raises(WriteFailedError):
        writing(store, failing).write(BATCH, "key")
    assert "could not be stored" in caplog.text
    writing(store, instance).write(BATCH, "key")
    assert logged(instance) == BATCH


def test_a_storage_that_is_away_says_so_and_asks_for_the_write_again(
    store: Store, instance: DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    failing = DyingInstance(instance, 2, after_storing=True, error=full)
    with pytest.raises(StoreAwayError, match="disk is full"):
        writing(store, failing).write(BATCH, "key")
    assert not caplog.records
    writing(store, instance).write(BATCH, "key")
    assert logged(instance) == BATCH


def test_the_client_waits_its_own_time_after_a_write_that_failed() -> None:
    """Its pauses grow up to 32 seconds; a number of ours would take the place of all of them."""
    answer = error_response(WriteFailedError())
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert b"errors" not in answer.body


def test_a_server_that_starts_lets_every_write_be_sent_again(
    store: Store, writer: EventWriter, instance: DagsterInstance
) -> None:
    store.writes.begin("prod", "key")
    store.writes.interrupt_all(ORGANIZATION)
    writer.write([START], "key")
    assert logged(instance) == [START]


def test_a_server_that_died_without_a_word_is_found_out(
    store: Store, writer: EventWriter, instance: DagsterInstance, clock: Clock
) -> None:
    store.writes.begin("prod", "key")
    instance.event_log_storage.store_event(START)
    clock.now += ABANDONED_SECONDS + 1
    writer.write([START], "key")
    assert logged(instance) == [START]
    assert status(instance) is DagsterRunStatus.STARTED


def test_a_run_is_not_taken_back_to_an_earlier_status(
    store: Store, writer: EventWriter, instance: DagsterInstance, clock: Clock
) -> None:
    store.writes.begin("prod", "key")
    for each in (START, SUCCESS):
        instance.handle_new_event(each)
    clock.now += ABANDONED_SECONDS + 1
    writer.write([START], "key")
    assert status(instance) is DagsterRunStatus.SUCCESS
    assert logged(instance) == [START, SUCCESS]
