"""How each method of ``EventLogStorage`` that changes something is driven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import DagsterInstance
from dagster._core.events.log import EventLogEntry
from dagster._utils.concurrency import ConcurrencyClaimStatus, ConcurrencyKeyInfo
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.drivers import Change, Driver, arguments
from tests.contract.world import World

_pools = st.sampled_from(["narrow", "wide", "new"])
_steps = st.sampled_from(["first", "second", "third"])


def _entries(world: World) -> SearchStrategy[EventLogEntry]:
    """Events that runs of the world reported, of runs that both deployments have."""
    entries = [entry for run_id in world.run_ids for entry in world.instance.all_logs(run_id)]
    return st.sampled_from(entries)


def _view_log(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    entries = given.get("events") or [given["event"]]
    return [
        (
            [record.event_log_entry for record in _records(instance, run_id)],
            instance.get_run_by_id(run_id),
        )
        for run_id in sorted({entry.run_id for entry in entries})
    ]


def _records(instance: DagsterInstance, run_id: str) -> Any:
    return instance.get_records_for_run(run_id).records


def _handle(instance: DagsterInstance, given: Mapping[str, Any]) -> None:
    for entry in given.get("events") or [given["event"]]:
        instance.handle_new_event(entry)


def _view_pool(instance: DagsterInstance, _given: Mapping[str, Any]) -> Any:
    storage = instance.event_log_storage
    pools = ["narrow", "wide", "new"]
    return (
        storage.get_pool_limits(),
        [_without_times(storage.get_concurrency_info(pool)) for pool in pools],
    )


def _without_times(info: ConcurrencyKeyInfo) -> Any:
    """The two deployments were asked one after the other."""
    return (
        info.slot_count,
        sorted((slot.run_id, slot.step_key) for slot in info.claimed_slots),
        sorted(
            (step.run_id, step.step_key, step.assigned_timestamp is None)
            for step in info.pending_steps
        ),
        info.limit,
    )


def _claim(status: ConcurrencyClaimStatus) -> Any:
    return (
        status.concurrency_key,
        status.slot_status,
        status.priority,
        status.assigned_timestamp is None,
    )


def _dropped(_answer: Any) -> None:
    """The official class hands the server's answer through, open source says nothing."""
    return


def _view_colours(instance: DagsterInstance, _given: Mapping[str, Any]) -> Any:
    return instance.get_dynamic_partitions("colours")


def _view_asset(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    key = given["asset_key"]
    records = instance.get_asset_records([key])
    return (
        instance.has_asset_key(key),
        instance.get_materialized_partitions(key),
        [record.asset_entry.cached_status for record in records],
        [record.asset_entry.last_run_id for record in records],
    )


def _claims(world: World) -> SearchStrategy[dict[str, Any]]:
    return arguments(
        concurrency_key=_pools,
        run_id=st.sampled_from(world.run_ids[:2]),
        step_key=_steps,
        priority=st.integers(0, 3),
    )


EVENT_LOG_CHANGES: Mapping[str, Driver] = {
    "add_dynamic_partitions": Change(
        arguments=lambda _: arguments(
            partitions_def_name=st.just("colours"),
            partition_keys=st.lists(st.text("abc", min_size=1, max_size=3), max_size=3),
        ),
        view=_view_colours,
    ),
    "claim_concurrency_slot": Change(arguments=_claims, view=_view_pool, normal=_claim),
    "delete_concurrency_limit": Change(
        # Of the last pool with a limit, open-source storage cannot take it while steps hold slots.
        arguments=lambda _: arguments(concurrency_key=st.sampled_from(["narrow", "new"])),
        view=_view_pool,
    ),
    "delete_dynamic_partition": Change(
        arguments=lambda _: arguments(
            partitions_def_name=st.just("colours"),
            partition_key=st.sampled_from(["red", "a", "no such key"]),
        ),
        view=_view_colours,
    ),
    "delete_events": Change(
        arguments=lambda world: arguments(run_id=st.sampled_from(world.run_ids[:2])),
        view=lambda instance, given: [
            record.event_log_entry for record in _records(instance, given["run_id"])
        ],
    ),
    "free_concurrency_slot_for_step": Change(
        arguments=lambda world: arguments(
            run_id=st.sampled_from(world.run_ids[:2]), step_key=_steps
        ),
        view=_view_pool,
        normal=_dropped,
    ),
    "free_concurrency_slots_for_run": Change(
        arguments=lambda world: arguments(run_id=st.sampled_from(world.run_ids[:2])),
        view=_view_pool,
        normal=_dropped,
    ),
    "initialize_concurrency_limit_to_default": Change(
        # On Postgres open-source storage fails for a pool that has a limit:
        # see test_where_storage_falls_short.
        arguments=lambda _: arguments(
            concurrency_key=st.text("pool", min_size=4, max_size=9).map("fresh-{}".format)
        ),
        view=_view_pool,
    ),
    "set_concurrency_slots": Change(
        arguments=lambda _: arguments(concurrency_key=_pools, num=st.integers(-1, 4)),
        view=_view_pool,
        normal=_dropped,
    ),
    "store_event": Change(
        arguments=lambda world: arguments(event=_entries(world)),
        view=_view_log,
        directly=_handle,
    ),
    "store_event_batch": Change(
        arguments=lambda world: arguments(events=st.lists(_entries(world), min_size=1, max_size=5)),
        view=_view_log,
        directly=_handle,
    ),
    "wipe_asset": Change(
        arguments=lambda world: arguments(asset_key=st.sampled_from(world.asset_keys)),
        view=_view_asset,
        normal=_dropped,
    ),
    "wipe_asset_cached_status": Change(
        arguments=lambda world: arguments(asset_key=st.sampled_from(world.asset_keys)),
        view=_view_asset,
        normal=_dropped,
    ),
}
