"""The run queue of a deployment, read from open-source Dagster's storage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.instance.config import PoolGranularity
from dagster._core.storage.dagster_run import ACTIVE_RUN_STATUSES, DagsterRun, RunRecord
from dagster._utils.concurrency import ConcurrencyKeyInfo

from dagstead.plane.run_queue import (
    Pool,
    PoolNeed,
    QueuedRun,
    QueueLimits,
    RunQueue,
    RunStatus,
    TagLimit,
)

#: The statuses that Dagster has for runs elsewhere than here.
_LIKE = {DagsterRunStatus.MANAGED: RunStatus.STARTED}


def read_run(instance: DagsterInstance, run_id: str) -> QueuedRun | None:
    """One run, with what its log says of its failure; ``None`` when there is none of that id."""
    record = instance.get_run_record_by_id(run_id)
    if record is None:
        return None
    has_failed = record.dagster_run.status is DagsterRunStatus.FAILURE
    return _run(record, _failure(instance, run_id) if has_failed else None)


def read_queue(instance: DagsterInstance, deployment: str, run_ids: Collection[str]) -> RunQueue:
    """The run queue, as far as it concerns some runs.

    Args:
        instance: of the deployment.
        deployment: its name.
        run_ids: the runs that are asked about. Those of them that are queued count as the queue.
    """
    asked = _records(instance, RunsFilter(run_ids=sorted(run_ids))) if run_ids else []
    active = _records(instance, RunsFilter(statuses=[*ACTIVE_RUN_STATUSES]))
    return RunQueue(
        deployment=deployment,
        queued=[
            _run(record) for record in asked if record.dagster_run.status is DagsterRunStatus.QUEUED
        ],
        active=[_run(record) for record in active],
        limits=_limits(instance, [record.dagster_run for record in asked]),
    )


def _records(instance: DagsterInstance, wanted: RunsFilter) -> Sequence[RunRecord]:
    return instance.get_run_records(wanted, ascending=True)


def _run(record: RunRecord, failure: str | None = None) -> QueuedRun:
    run = record.dagster_run
    origin = run.remote_job_origin
    return QueuedRun(
        run_id=run.run_id,
        status=_LIKE.get(run.status) or RunStatus(run.status.value),
        location=None if origin is None else origin.location_name,
        created_at=record.create_timestamp.timestamp(),
        updated_at=record.update_timestamp.timestamp(),
        started_at=record.start_time,
        tags=run.tags,
        pools=_need(run),
        failure=failure,
    )


def _need(run: DagsterRun) -> PoolNeed | None:
    need = run.run_op_concurrency
    if need is None:
        return None
    return PoolNeed(
        first=need.root_key_counts,
        every=frozenset(need.all_pools or ()),
        has_free_step=need.has_unconstrained_root_nodes,
    )


def _limits(instance: DagsterInstance, runs: Sequence[DagsterRun]) -> QueueLimits:
    config = instance.get_concurrency_config()
    queue = config.run_queue_config
    names = {
        name
        for run in runs
        if run.run_op_concurrency is not None
        for name in run.run_op_concurrency.all_pools or ()
    }
    pools = _pools(instance, names)
    if queue is None:
        return QueueLimits(pools=pools)
    return QueueLimits(
        # Dagster's -1 is no limit.
        runs=queue.max_concurrent_runs if queue.max_concurrent_runs >= 0 else None,
        tags=[TagLimit.of_setting(given) for given in queue.tag_concurrency_limits],
        pools=pools,
        pools_hold_runs=queue.should_block_op_concurrency_limited_runs,
        pools_count_runs=config.pool_config.pool_granularity is PoolGranularity.RUN,
        pool_buffer=queue.op_concurrency_slot_buffer,
    )


def _pools(instance: DagsterInstance, names: set[str]) -> Mapping[str, Pool]:
    """The pools that have a limit."""
    if not names:
        return {}
    storage = instance.event_log_storage
    limited = sorted(names & storage.get_concurrency_keys())
    found = storage.get_concurrency_infos(limited) if limited else {}
    return {name: _pool(info) for name, info in found.items()}


def _pool(info: ConcurrencyKeyInfo) -> Pool:
    return Pool(
        name=info.concurrency_key,
        slots=info.slot_count,
        claimed=[slot.run_id for slot in info.claimed_slots],
        pending=[step.run_id for step in info.pending_steps],
    )


def _failure(instance: DagsterInstance, run_id: str) -> str | None:
    page = instance.get_records_for_run(
        run_id, of_type=DagsterEventType.RUN_FAILURE, limit=1, ascending=False
    )
    for record in page.records:
        event = record.event_log_entry.dagster_event
        return None if event is None else event.message
    return None
