"""Two deployments with the same contents, to do the same to both."""

from __future__ import annotations

from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry

from tests.contract.surface import Surface
from tests.contract.world import World


def copied(world: World, surface: Surface, name: str) -> DagsterInstance:
    """A new deployment with the runs, events and the rest of a world."""
    surface.deploy(name)
    instance = surface.instance(name)
    _copy_runs(world, instance)
    storage = instance.event_log_storage
    for entry in _entries(world):
        storage.store_event(entry)
    storage.add_dynamic_partitions("colours", world.instance.get_dynamic_partitions("colours"))
    storage.set_concurrency_slots("narrow", 1)
    storage.set_concurrency_slots("wide", 2)
    _copy_instigation(world, instance)
    return instance


def _entries(world: World) -> list[EventLogEntry]:
    """All events in the order in which they were stored."""
    records = [
        record
        for run_id in world.run_ids
        for record in world.instance.get_records_for_run(run_id).records
    ]
    records.sort(key=lambda record: record.storage_id)
    return [record.event_log_entry for record in records]


def _copy_runs(world: World, instance: DagsterInstance) -> None:
    source, target = world.instance.run_storage, instance.run_storage
    for record in world.instance.get_run_records(ascending=True):
        run = record.dagster_run
        if run.job_snapshot_id:
            target.add_job_snapshot(source.get_job_snapshot(run.job_snapshot_id))
        if run.execution_plan_snapshot_id:
            plan = source.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
            target.add_execution_plan_snapshot(plan)
        target.add_historical_run(run, record.create_timestamp)
    for backfill in world.backfills:
        target.add_backfill(backfill)


def _copy_instigation(world: World, instance: DagsterInstance) -> None:
    storage = instance.schedule_storage
    assert storage is not None
    for state in world.states:
        storage.add_instigator_state(state)
    for tick in world.ticks:
        storage.create_tick(tick.tick_data)
