"""A deployment filled by real runs, and what is in it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from dagster import AssetCheckKey, AssetKey, DagsterInstance, materialize
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudCodeLocationManifest,
    DagsterCloudRepositoryManifest,
    SnapshotType,
    StoredSnapshot,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.utils.warnings import disable_dagster_warnings

from dagstead.control.snapshots import Snapshots
from dagstead.plane.locations import NewLocation
from tests.contract import definitions as code
from tests.contract.surface import Surface
from tests.support.releases import deploy

DEPLOYMENT = "world"
LOCATION = "examples"

#: Of the first tick, and of the heartbeats: any time will do.
_LONG_AGO = 1_700_000_000.0


@dataclass(frozen=True, kw_only=True)
class World:
    """What tests can ask a deployment for."""

    surface: Surface
    instance: DagsterInstance
    run_ids: Sequence[str]
    asset_keys: Sequence[AssetKey]
    check_keys: Sequence[AssetCheckKey]
    states: Sequence[InstigatorState]
    ticks: Sequence[InstigatorTick]
    backfills: Sequence[PartitionBackfill]
    heartbeats: Sequence[DaemonHeartbeat]
    pools: Sequence[str] = ("narrow", "wide")
    dynamic_partitions: str = "colours"
    tag_keys: Sequence[str] = ("team", ROOT_RUN_ID_TAG, "dagster/partition")

    @property
    def runs(self) -> Sequence[DagsterRun]:
        """All runs, oldest first."""
        return self.instance.get_runs(ascending=True)

    @property
    def maximum_storage_id(self) -> int:
        """The number of the latest event."""
        return self.instance.event_log_storage.get_maximum_record_id() or 0

    @property
    def partition_keys(self) -> Sequence[str]:
        """Of any asset."""
        grid = [str(key) for key in code.GRID.get_partition_keys()]
        return [*code.LETTERS.get_partition_keys(), *grid, "red", "green"]


def filled_world(surface: Surface) -> World:
    """Deploy a location and let its code leave its traces."""
    with disable_dagster_warnings():
        return _filled_world(surface)


def _filled_world(surface: Surface) -> World:
    surface.deploy(DEPLOYMENT)
    _deploy_location(surface)
    instance = surface.instance(DEPLOYMENT)
    _run_assets(instance)
    _run_jobs(instance)
    _claim_slots(instance)
    instance.event_log_storage.wipe_asset(AssetKey("wiped"))
    return World(
        surface=surface,
        instance=instance,
        run_ids=[run.run_id for run in instance.get_runs(ascending=True)],
        asset_keys=[AssetKey("never"), *(key for each in code.ASSETS for key in each.keys)],
        check_keys=[
            AssetCheckKey(AssetKey(["deep", "plain"]), "good"),
            AssetCheckKey(AssetKey(["deep", "plain"]), "bad"),
            AssetCheckKey(AssetKey("never"), "never"),
        ],
        states=_add_states(instance),
        ticks=_add_ticks(instance),
        backfills=_add_backfills(instance),
        heartbeats=_add_heartbeats(instance),
    )


def repository_origin(location: str = LOCATION) -> RemoteRepositoryOrigin:
    """Where the definitions of a location come from."""
    return RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")


def job_origin(job: str, location: str = LOCATION) -> RemoteJobOrigin:
    """Where a job comes from."""
    return RemoteJobOrigin(repository_origin(location), job)


def instigator_state(
    name: str, kind: InstigatorType, status: InstigatorStatus, location: str = LOCATION
) -> InstigatorState:
    """The state of a schedule or sensor."""
    data = (
        ScheduleInstigatorData("0 3 * * *", start_timestamp=_LONG_AGO)
        if kind is InstigatorType.SCHEDULE
        else SensorInstigatorData(cursor="7")
    )
    origin = RemoteInstigatorOrigin(repository_origin(location), name)
    return InstigatorState(origin, kind, status, data)


def tick_data(state: InstigatorState, status: TickStatus, timestamp: float) -> TickData:
    """One tick of a schedule or sensor."""
    error = SerializableErrorInfo("it broke\n", [], "RuntimeError")
    return TickData(
        instigator_origin_id=state.instigator_origin_id,
        instigator_name=state.instigator_name,
        instigator_type=state.instigator_type,
        status=status,
        timestamp=timestamp,
        run_ids=[],
        run_keys=[],
        error=error if status is TickStatus.FAILURE else None,
        selector_id=state.selector_id,
    )


def backfill(backfill_id: str, status: BulkActionStatus, timestamp: float) -> PartitionBackfill:
    """A backfill of a job."""
    return PartitionBackfill(
        backfill_id=backfill_id,
        status=status,
        from_failure=False,
        tags={"team": "blue"},
        backfill_timestamp=timestamp,
        partition_names=["a", "b"],
    )


def _run_assets(instance: DagsterInstance) -> None:
    for letter in ("a", "b", "c"):
        materialize([code.lettered], instance=instance, partition_key=letter, raise_on_error=False)
    instance.add_dynamic_partitions("colours", ["red", "green", "blue"])
    for colour in ("red", "green"):
        materialize([code.coloured], instance=instance, partition_key=colour)
    materialize([code.gridded], instance=instance, partition_key="a|1")
    for _ in range(2):
        materialize([code.plain, *code.CHECKS], instance=instance, raise_on_error=False)
    materialize([code.doomed], instance=instance, raise_on_error=False)
    materialize([code.wiped], instance=instance)


def _run_jobs(instance: DagsterInstance) -> None:
    code.succeeding.execute_in_process(instance=instance)
    failed = code.failing.execute_in_process(instance=instance, raise_on_error=False)
    run = instance.get_run_by_id(failed.run_id)
    assert run is not None
    instance.add_run(
        DagsterRun(
            job_name=run.job_name,
            run_id=str(uuid.uuid4()),
            status=DagsterRunStatus.QUEUED,
            root_run_id=run.run_id,
            parent_run_id=run.run_id,
            tags={ROOT_RUN_ID_TAG: run.run_id, PARENT_RUN_ID_TAG: run.run_id, "team": "red"},
            job_snapshot_id=run.job_snapshot_id,
            execution_plan_snapshot_id=run.execution_plan_snapshot_id,
            remote_job_origin=job_origin(run.job_name),
        )
    )


def _claim_slots(instance: DagsterInstance) -> None:
    storage = instance.event_log_storage
    storage.set_concurrency_slots("narrow", 1)
    storage.set_concurrency_slots("wide", 5)
    for step in ("first", "second"):
        storage.claim_concurrency_slot("narrow", _latest_run_id(instance), step, priority=2)


def _latest_run_id(instance: DagsterInstance) -> str:
    return next(iter(instance.get_runs(limit=1))).run_id


def _add_states(instance: DagsterInstance) -> Sequence[InstigatorState]:
    states = [
        instigator_state("nightly", InstigatorType.SCHEDULE, InstigatorStatus.RUNNING),
        instigator_state("watchful", InstigatorType.SENSOR, InstigatorStatus.STOPPED),
        instigator_state("nightly", InstigatorType.SCHEDULE, InstigatorStatus.STOPPED, "other"),
    ]
    for state in states:
        _schedules(instance).add_instigator_state(state)
    return states


def _add_ticks(instance: DagsterInstance) -> Sequence[InstigatorTick]:
    state = instigator_state("nightly", InstigatorType.SCHEDULE, InstigatorStatus.RUNNING)
    return [
        _schedules(instance).create_tick(tick_data(state, status, _LONG_AGO + 60 * number))
        for number, status in enumerate(
            (TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE, TickStatus.STARTED)
        )
    ]


def _add_backfills(instance: DagsterInstance) -> Sequence[PartitionBackfill]:
    backfills = [
        backfill(f"backfill{number}", status, _LONG_AGO + number)
        for number, status in enumerate(
            (BulkActionStatus.REQUESTED, BulkActionStatus.COMPLETED, BulkActionStatus.FAILED)
        )
    ]
    for each in backfills:
        instance.add_backfill(each)
    return backfills


def _add_heartbeats(instance: DagsterInstance) -> Sequence[DaemonHeartbeat]:
    heartbeats = [
        DaemonHeartbeat(_LONG_AGO, kind, str(uuid.uuid4()), []) for kind in ("SENSOR", "SCHEDULER")
    ]
    for heartbeat in heartbeats:
        instance.run_storage.add_daemon_heartbeat(heartbeat)
    return heartbeats


def _schedules(instance: DagsterInstance) -> Any:
    assert instance.schedule_storage is not None
    return instance.schedule_storage


def _deploy_location(surface: Surface) -> None:
    """As after an agent's upload: the definitions of the code, under the location's name."""
    data = CodeLocationDeployData(module_name=code.__name__)
    deploy(
        surface.store,
        DEPLOYMENT,
        [
            NewLocation(
                name=LOCATION,
                document=yaml.safe_load(f"code_source: {{module_name: {code.__name__}}}"),
                deploy_data=serialize_value(data),
                deploy_id="deploy1",
                queue=None,
            )
        ],
    )
    repository = code.defs.get_repository_def()
    text = serialize_value(RepositorySnap.from_def(repository, defer_snapshots=True))
    sha1 = Snapshots(surface.store.blobs, DEPLOYMENT).write(SnapshotType.REPOSITORY, text)
    manifest = DagsterCloudCodeLocationManifest(
        repositories=[
            DagsterCloudRepositoryManifest(
                name=repository.name,
                code_pointer=ModuleCodePointer(code.__name__, "defs"),
                stored_snapshot=StoredSnapshot(
                    sha1=sha1, format="json", uri="", decompressed_size=len(text)
                ),
            )
        ],
        container_image=None,
        executable_path=None,
        dagster_library_versions=None,
        code_location_deploy_data=data,
    )
    surface.store.releases.set_loaded(
        DEPLOYMENT, LOCATION, deploy_id="deploy1", manifest=serialize_value(manifest)
    )
