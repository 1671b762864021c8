"""What the attacked agent has in Dagster's storage."""

from __future__ import annotations

import uuid

import dagster as dg
from dagster import DagsterEvent, DagsterRun
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events import DagsterEventType
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemotePartitionSetOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.dagster_run import DagsterRunStatus

#: All agents of the deployment may read this: it is in Dagster's storage.
IN_STORAGE = "canary-of-a-run"


@dg.asset
def gpu_asset() -> None:
    """Made by the location on the queue gpu."""


def run_of(run_id: str, location: str | None) -> DagsterRun:
    return DagsterRun(
        job_name="job",
        run_id=run_id,
        status=DagsterRunStatus.NOT_STARTED,
        tags={"mark": IN_STORAGE},
        remote_job_origin=None if location is None else job_origin(location),
    )


def job_origin(location: str) -> RemoteJobOrigin:
    return RemoteJobOrigin(_repository(location), "job")


def sensor_state(name: str, location: str) -> InstigatorState:
    origin = RemoteInstigatorOrigin(_repository(location), name)
    data = SensorInstigatorData(cursor=IN_STORAGE)
    return InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)


def tick_of(state: InstigatorState) -> TickData:
    return TickData(
        instigator_origin_id=state.instigator_origin_id,
        instigator_name=state.instigator_name,
        instigator_type=state.instigator_type,
        status=TickStatus.STARTED,
        timestamp=1_700_000_000.0,
        selector_id=state.selector_id,
    )


def backfill_of(location: str | None) -> PartitionBackfill:
    """A backfill of a job; without a location, of assets."""
    origin = None
    if location is not None:
        origin = RemotePartitionSetOrigin(
            repository_origin=_repository(location), partition_set_name="job_partitions"
        )
    return PartitionBackfill(
        backfill_id=uuid.uuid4().hex[:8],
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=1_700_000_000.0,
        partition_set_origin=origin,
        partition_names=["a"],
        asset_selection=None if origin else [gpu_asset.key],
    )


def entry_of(run_id: str) -> dg.EventLogEntry:
    """An event that ends a run."""
    event = DagsterEvent(
        event_type_value=DagsterEventType.RUN_FAILURE.value,
        job_name="job",
        message="by an attacker",
    )
    return dg.EventLogEntry(
        error_info=None,
        level=10,
        user_message="",
        run_id=run_id,
        timestamp=1_700_000_000.0,
        step_key=None,
        job_name="job",
        dagster_event=event,
    )


def _repository(location: str) -> RemoteRepositoryOrigin:
    return RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")


#: What a code server of others never printed.
FORGED_LOG = {
    "location": "gpu_loc",
    "server": "s",
    "startedAt": 1.0,
    "lines": ["forged"],
    "isCut": False,
}
