"""Connections to Postgres that all deployments share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from dagstead.engine import patience
from dagstead.engine.event_groups import GroupedEventLog
from dagstead.engine.instances import Instances
from dagstead.errors import StoreAwayError
from dagstead.plane.leases import Fence, LeadershipLostError
from dagstead.store.all import open_store
from dagstead.store.database import Database
from dagstead.store.lines import Patience
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.stalled_line import line_to

pytestmark = pytest.mark.storage

NAMES = ("first", "second", "third")

#: Postgres knows the connections of the instances by it.
OF_INSTANCES = "FROM pg_stat_activity WHERE application_name = 'instances of a test'"


@pytest.fixture
def instances(postgres_url: str, tmp_path: Path, clock: ManualClock) -> Iterator[Instances]:
    store = open_store(database_url=postgres_url, blobs_folder=tmp_path / "blobs", clock=clock)
    named = f"{postgres_url}?application_name=instances+of+a+test"
    opened = Instances(store, tmp_path / "deployments", named)
    yield opened
    opened.close()
    store.close()
    count = f"SELECT count(*) {OF_INSTANCES}"
    # The server sees the end of a connection a moment later.
    eventually(lambda: ask(postgres_url, count) == 0, 10, "no connection is left")


def opened(instances: Instances) -> list[DagsterInstance]:
    return [instances.get(instances.store.deployments.create(each)) for each in NAMES]


def ask(postgres_url: str, query: str) -> int:
    """The first number of an answer, by a connection of one's own."""
    engine = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        found: int = connection.execute(text(query)).scalar_one()
    engine.dispose()
    return found


def test_each_deployment_sees_its_own_on_whatever_connection(instances: Instances) -> None:
    deployments = opened(instances)

    def write_and_read(turn: int) -> None:
        mine = deployments[turn % len(deployments)]
        mine.run_storage.set_cursor_values({f"turn {turn}": str(turn)})
        for other in deployments:
            found = other.run_storage.get_cursor_values({f"turn {turn}"})
            assert found == ({f"turn {turn}": str(turn)} if other is mine else {})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write_and_read, range(60)))


def test_one_connection_serves_questions_that_follow_each_other(
    instances: Instances, postgres_url: str
) -> None:
    for each in opened(instances) * 3:
        assert each.event_log_storage.all_asset_keys() == []
        assert each.run_storage.get_run_ids() == []
        assert each.schedule_storage is not None
        assert each.schedule_storage.all_instigator_state() == []

    assert ask(postgres_url, f"SELECT count(*) {OF_INSTANCES}") == 1


def test_a_connection_that_postgres_has_closed_is_not_noticed(
    instances: Instances, postgres_url: str
) -> None:
    (first, *_) = opened(instances)
    assert first.event_log_storage.all_asset_keys() == []
    assert ask(postgres_url, f"SELECT count(pg_terminate_backend(pid)) {OF_INSTANCES}") == 1

    assert first.event_log_storage.all_asset_keys() == []


def test_what_an_earlier_leader_writes_is_refused_and_what_it_reads_is_not(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    files = tmp_path / "blobs"
    store = open_store(database_url=postgres_url, blobs_folder=files, clock=clock, fence=Fence(0))
    leading = Instances(store, tmp_path / "deployments", postgres_url)
    instance = leading.get(store.deployments.create("prod"))
    storage = instance.event_log_storage
    storage.store_event(an_event())
    assert len(storage.get_logs_for_run("run")) == 1

    with closing(Database(postgres_url)) as other, other.write() as connection:
        connection.execute(text("UPDATE leader SET epoch = 1"))

    with pytest.raises(DBAPIError, match="another process runs the daemons now"):
        storage.store_event(an_event())
    with pytest.raises(DBAPIError, match="another process runs the daemons now"):
        instance.run_storage.set_cursor_values({"a": "1"})
    with pytest.raises(DBAPIError, match="another process runs the daemons now"):
        instance.delete_run("run")
    assert len(storage.get_logs_for_run("run")) == 1
    leading.close()
    store.close()


def test_a_leader_that_is_frozen_in_a_group_of_events_keeps_nobody_from_leading(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    files = tmp_path / "blobs"
    store = open_store(database_url=postgres_url, blobs_folder=files, clock=clock, fence=Fence(0))
    leading = Instances(store, tmp_path / "deployments", postgres_url)
    storage = leading.get(store.deployments.create("prod")).event_log_storage
    assert isinstance(storage, GroupedEventLog)
    begun, goes_on = threading.Event(), threading.Event()

    def freeze() -> None:
        storage.store_event(an_event())
        begun.set()
        assert goes_on.wait(60)

    with ThreadPoolExecutor() as threads, psycopg.connect(postgres_url) as other:
        writes = threads.submit(storage.groups.write, freeze)
        assert begun.wait(60)
        other.execute("SET lock_timeout = '30s'")
        other.execute("UPDATE dagstead.leader SET epoch = 1")
        other.commit()
        goes_on.set()
        assert isinstance(writes.exception(timeout=60), DBAPIError)
    assert not storage.get_logs_for_run("run")
    leading.close()
    store.close()


def test_nobody_waits_for_an_answer_once_the_term_of_a_leader_is_over(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    over = threading.Event()
    fence = Fence(0, is_over=over.is_set)
    files = tmp_path / "blobs"
    store = open_store(database_url=postgres_url, blobs_folder=files, clock=clock, fence=fence)
    leading = Instances(store, tmp_path / "deployments", postgres_url)
    instance = leading.get(store.deployments.create("prod"))
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with (
        closing(Database(postgres_url)) as other,
        ThreadPoolExecutor() as threads,
        other.write() as connection,
    ):
        for table in ("dagstead.deployments", "deployment_prod.runs"):
            connection.execute(text(f"LOCK TABLE {table}"))
        waiting: list[Future[Any]] = [
            threads.submit(store.deployments.all),
            threads.submit(instance.get_runs),
        ]
        eventually(lambda: ask(postgres_url, blocked) == len(waiting), 30, "both wait")
        over.set()
        errors = [each.exception(timeout=10) for each in waiting]
    assert isinstance(errors[0], StoreAwayError)
    assert isinstance(errors[1], DBAPIError)
    for ask_again in (store.deployments.all, instance.get_runs):
        with pytest.raises(LeadershipLostError):
            ask_again()
    leading.close()
    store.close()


def an_event() -> EventLogEntry:
    return EventLogEntry(
        error_info=None, level=20, user_message="hello", run_id="run", timestamp=1.0
    )


def test_a_line_that_is_cut_off_without_a_word_is_given_up(
    postgres_url: str, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the storages of Dagster and by ours, also when they look whether a connection works."""
    monkeypatch.setattr(patience, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(patience, "CONNECT_SECONDS", 1.0)
    address = make_url(postgres_url)
    with line_to(address.port or 0) as line:
        stalled = address.set(port=line.port, query={"connect_timeout": "2"})
        url = stalled.render_as_string(hide_password=False)
        store = open_store(database_url=url, blobs_folder=tmp_path / "blobs", clock=clock)
        instances = Instances(store, tmp_path / "deployments", url)
        instance = instances.get(store.deployments.create("prod"))
        assert instance.get_runs() == []
        hurried = Database(url, patience=Patience(answer=1.0))
        hurried.ping()

        line.stall()
        with pytest.raises(Exception, match="too many retries for DB connection"):
            instance.get_runs()
        with pytest.raises(StoreAwayError):
            hurried.ping()

        line.flow()
        assert instance.get_runs() == []
        hurried.ping()
        for each in (instances, store, hurried):
            each.close()
