"""What Dagster lets user code do with its instance, it may do in the managed pool as well.

Every public method of ``DagsterInstance`` is found by walking it, and called with the official
storage classes and the token of a process of user code.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    OpExecutionContext,
    RetryRequested,
    RunsFilter,
    job,
    materialize,
    op,
)
from dagster._annotations import is_public
from dagster._core.instance import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster_cloud.storage.event_logs.storage import GraphQLEventLogStorage
from dagster_cloud.storage.runs.storage import GraphQLRunStorage
from dagster_cloud.storage.schedules.storage import GraphQLScheduleStorage
from dagster_shared.utils.warnings import disable_dagster_warnings

from dagstead.plane.workers import Minter, Worker
from tests.contract import definitions as code
from tests.contract.surface import Surface
from tests.contract.world import DEPLOYMENT, LOCATION, World

pytestmark = pytest.mark.contract

_PLAIN = AssetKey(["deep", "plain"])


@op(pool="quiet")
def busy() -> None:
    context = OpExecutionContext.get()
    if context.retry_number == 0:
        raise RetryRequested(max_retries=1, seconds_to_wait=0)
    context.instance.add_dynamic_partitions("colours", ["violet"])
    context.instance.report_runless_asset_event(AssetMaterialization("outside"))


@job(tags={"team": "green"})
def busily() -> None:
    busy()


Call = Callable[[DagsterInstance, World], Any]

#: How user code calls each of them.
CALLS: Mapping[str, Call] = {
    "add_dynamic_partitions": lambda here, _: here.add_dynamic_partitions("new", ["a", "b"]),
    "delete_dynamic_partition": lambda here, _: here.delete_dynamic_partition("colours", "blue"),
    "fetch_materializations": lambda here, _: here.fetch_materializations(_PLAIN, limit=3),
    "fetch_observations": lambda here, _: here.fetch_observations(
        AssetRecordsFilter(asset_key=_PLAIN), limit=3
    ),
    "fetch_run_status_changes": lambda here, _: here.fetch_run_status_changes(
        DagsterEventType.RUN_SUCCESS, limit=3
    ),
    "get_asset_keys": lambda here, _: here.get_asset_keys(),
    "get_asset_records": lambda here, _: here.get_asset_records([_PLAIN]),
    "get_dynamic_partitions": lambda here, _: here.get_dynamic_partitions("colours"),
    "get_latest_materialization_code_versions": (
        lambda here, _: here.get_latest_materialization_code_versions([_PLAIN])
    ),
    "get_latest_materialization_event": (
        lambda here, _: here.get_latest_materialization_event(_PLAIN)
    ),
    "get_run_by_id": lambda here, world: here.get_run_by_id(world.run_ids[0]),
    "get_run_record_by_id": lambda here, world: here.get_run_record_by_id(world.run_ids[0]),
    "get_run_records": lambda here, _: here.get_run_records(
        RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
    ),
    "get_status_by_partition": lambda here, _: here.get_status_by_partition(
        AssetKey("lettered"), ["a", "b"], code.LETTERS
    ),
    "has_asset_key": lambda here, _: here.has_asset_key(_PLAIN),
    "has_dynamic_partition": lambda here, _: here.has_dynamic_partition("colours", "red"),
    "report_runless_asset_event": lambda here, _: here.report_runless_asset_event(
        AssetMaterialization("outside")
    ),
    "wipe_assets": lambda here, _: here.wipe_assets([AssetKey("outside")]),
}

#: These make instances, or are refused by the official storage before it sends anything.
NOT_CALLED = {"ephemeral", "get", "local_temp", "delete_run"}


@contextmanager
def user_code(surface: Surface, worker: Worker, folder: Path) -> Iterator[DagsterInstance]:
    """The instance that user code of a worker has: the official storages, with its token."""
    minter = Minter(pool="pool", agent_id="agent")
    token = surface.store.workers.create(worker, f"worker:org:{uuid.uuid4()}", minter, None)
    client = replace(surface, token=token).client(DEPLOYMENT)
    with DagsterInstance(
        InstanceType.EPHEMERAL,
        local_artifact_storage=LocalArtifactStorage(str(folder)),
        run_storage=GraphQLRunStorage(override_graphql_client=client),
        event_storage=GraphQLEventLogStorage(override_graphql_client=client),
        schedule_storage=cast("Any", GraphQLScheduleStorage(override_graphql_client=client)),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
        compute_log_manager=NoOpComputeLogManager(),
    ) as instance:
        yield instance


@pytest.fixture(params=["run worker", "code server"])
def instance(
    surface: Surface, world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[DagsterInstance]:
    run = DagsterRun(job_name="job", run_id=str(uuid.uuid4()))
    world.instance.add_run(run)
    worker = Worker(deployment=DEPLOYMENT, location=LOCATION)
    if request.param == "run worker":
        worker = replace(worker, run_id=run.run_id, launch=1)
    with disable_dagster_warnings(), user_code(surface, worker, tmp_path) as made:
        yield made


def test_every_public_method_is_called() -> None:
    found = {
        name
        for name in dir(DagsterInstance)
        if not name.startswith("_") and is_public(_underlying(name))
    }
    assert found == set(CALLS) | NOT_CALLED
    assert len(found) > 15


def _underlying(name: str) -> Any:
    for owner in DagsterInstance.__mro__:
        if name in vars(owner):
            return vars(owner)[name]
    raise AttributeError(name)


@pytest.mark.parametrize("method", CALLS)
def test_user_code_may_call_it(method: str, instance: DagsterInstance, world: World) -> None:
    CALLS[method](instance, world)


def test_user_code_runs_what_it_has_within_its_own_run(instance: DagsterInstance) -> None:
    """The runs that it makes are its own: with their events, tags, retries and partitions."""
    materialize([code.plain, *code.CHECKS], instance=instance, raise_on_error=False)
    assert materialize([code.lettered], instance=instance, partition_key="a").success
    result = busily.execute_in_process(instance=instance)
    assert result.success

    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    assert run.status is DagsterRunStatus.SUCCESS
    instance.add_run_tags(run.run_id, {"team": "blue"})
    assert instance.all_logs(run.run_id)


def test_user_code_claims_the_slots_of_pools(instance: DagsterInstance) -> None:
    made = busily.execute_in_process(instance=instance)
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("quiet")
    storage.claim_concurrency_slot("quiet", made.run_id, "step")
    storage.free_concurrency_slots_for_run(made.run_id)
    storage.set_concurrency_slots("theirs", 2)
    storage.delete_concurrency_limit("theirs")
