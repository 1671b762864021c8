"""Connections to Postgres that all deployments share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster import DagsterInstance
from sqlalchemy import create_engine, make_url, text

from dagstead.engine.instances import Instances
from dagstead.store.all import open_store
from dagstead.testing.clock import ManualClock

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
    assert ask(postgres_url, f"SELECT count(*) {OF_INSTANCES}") == 0
    store.close()


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
