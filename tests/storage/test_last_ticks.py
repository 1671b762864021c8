"""The last ticks of schedules and sensors, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine.automations import last_ticks, location_of, states_that_run
from dagstead.engine.instances import Instances
from dagstead.store.all import open_store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage

ENDED = (TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE)


@pytest.fixture(params=["sqlite", "postgres"])
def instances(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> Iterator[Instances]:
    url: str | None = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    store = open_store(
        database_url=url or f"sqlite:///{tmp_path / 'store.db'}",
        blobs_folder=tmp_path / "blobs",
        clock=clock,
    )
    opened = Instances(store, tmp_path / "deployments", url)
    yield opened
    opened.close()
    store.close()


def sensor(instance: DagsterInstance, name: str, *ticks: tuple[TickStatus, float]) -> str:
    """A sensor that runs, with these ticks; the id of its selector."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("shop"), "__repository__")
    state = InstigatorState(
        RemoteInstigatorOrigin(repository, name),
        InstigatorType.SENSOR,
        InstigatorStatus.RUNNING,
        SensorInstigatorData(),
    )
    instance.add_instigator_state(state)
    for status, at in ticks:
        is_failure = status is TickStatus.FAILURE
        instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                InstigatorType.SENSOR,
                status,
                at,
                run_ids=[],
                error=SerializableErrorInfo("no", [], None) if is_failure else None,
                selector_id=state.selector_id,
            )
        )
    return str(state.selector_id)


def test_the_last_one_that_has_ended_counts(instances: Instances) -> None:
    prod, staging = (
        instances.get(instances.store.deployments.create(name)) for name in ("prod", "staging")
    )
    failed = sensor(
        prod,
        "failed",
        (TickStatus.FAILURE, 200.0),
        (TickStatus.SUCCESS, 100.0),
        (TickStatus.STARTED, 300.0),
    )
    works = sensor(prod, "works", (TickStatus.FAILURE, 100.0), (TickStatus.SKIPPED, 200.0))
    new = sensor(prod, "new", (TickStatus.STARTED, 100.0))
    other = sensor(prod, "other", (TickStatus.FAILURE, 100.0))
    sensor(staging, "failed", (TickStatus.SUCCESS, 900.0))
    states = states_that_run(prod)
    assert set(states) == {failed, works, new, other}
    assert {location_of(each) for each in states.values()} == {"shop"}
    ticks = last_ticks(prod, [failed, works, new], ENDED)
    assert {name: (tick.status, tick.timestamp) for name, tick in ticks.items()} == {
        failed: (TickStatus.FAILURE, 200.0),
        works: (TickStatus.SKIPPED, 200.0),
    }
    assert last_ticks(prod, [], ENDED) == {}
    every = last_ticks(prod, [failed], list(TickStatus))
    assert every[failed].status is TickStatus.STARTED
