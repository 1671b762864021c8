"""What to ask an event log for: strategies out of what a world holds."""

from __future__ import annotations

from typing import Any

from dagster import AssetKey, DagsterEventType
from dagster._core.event_api import (
    AssetRecordsFilter,
    EventLogCursor,
    EventRecordsFilter,
    RunStatusChangeRecordsFilter,
)
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.drivers import arguments, optional, some_of
from tests.contract.run_drivers import run_ids
from tests.contract.world import World

ASSET_EVENTS = (
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
)
RUN_EVENTS = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_START,
    DagsterEventType.RUN_ENQUEUED,
)
OTHER_EVENTS = (
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.ENGINE_EVENT,
)
kinds = st.sampled_from([*ASSET_EVENTS, *RUN_EVENTS, *OTHER_EVENTS])
limits = optional(st.integers(1, 5))
page_sizes = st.integers(1, 6)
partition_names = st.sampled_from(["colours", "no such name"])
claim_steps = st.sampled_from(["first", "second", "no such step"])


def keys(world: World) -> SearchStrategy[AssetKey]:
    return st.sampled_from(world.asset_keys)


def storage_ids(world: World) -> SearchStrategy[int]:
    return st.integers(0, world.maximum_storage_id + 1)


def timestamps(world: World) -> SearchStrategy[float]:
    entries = world.instance.all_logs(world.run_ids[2])
    return st.sampled_from([entry.timestamp for entry in entries])


def cursors(world: World) -> SearchStrategy[str | None]:
    return optional(
        storage_ids(world).map(lambda each: EventLogCursor.from_storage_id(each).to_string())
    )


def partitions(world: World) -> SearchStrategy[list[str]]:
    return some_of([*world.partition_keys, "no such partition"], least=1)


def asset_filters(world: World) -> SearchStrategy[AssetKey | AssetRecordsFilter]:
    return keys(world) | st.builds(
        AssetRecordsFilter,
        asset_key=keys(world),
        asset_partitions=optional(partitions(world)),
        after_timestamp=optional(timestamps(world)),
        before_timestamp=optional(timestamps(world)),
        after_storage_id=optional(storage_ids(world)),
        before_storage_id=optional(storage_ids(world)),
        storage_ids=optional(st.lists(storage_ids(world), min_size=1, max_size=30)),
    )


def event_filters(world: World) -> SearchStrategy[EventRecordsFilter]:
    return st.builds(
        EventRecordsFilter,
        event_type=kinds,
        asset_key=optional(keys(world)),
        after_cursor=optional(storage_ids(world)),
        before_cursor=optional(storage_ids(world)),
        after_timestamp=optional(timestamps(world)),
        before_timestamp=optional(timestamps(world)),
        storage_ids=optional(st.lists(storage_ids(world), min_size=1, max_size=30)),
    )


def status_filters(world: World) -> SearchStrategy[Any]:
    kinds = st.sampled_from(RUN_EVENTS)
    return kinds | st.builds(
        RunStatusChangeRecordsFilter,
        event_type=kinds,
        after_timestamp=optional(timestamps(world)),
        before_timestamp=optional(timestamps(world)),
        after_storage_id=optional(storage_ids(world)),
        before_storage_id=optional(storage_ids(world)),
        storage_ids=optional(st.lists(storage_ids(world), min_size=1, max_size=30)),
        # Open-source storage cannot filter by jobs: see test_where_storage_falls_short.
        job_names=st.none(),
    )


def fetching(world: World) -> SearchStrategy[dict[str, Any]]:
    return arguments(
        records_filter=asset_filters(world),
        limit=page_sizes,
        cursor=cursors(world),
        ascending=st.booleans(),
    )


def of_run(world: World) -> SearchStrategy[dict[str, Any]]:
    return arguments(
        run_id=run_ids(world), of_type=optional(kinds | some_of(ASSET_EVENTS).map(set))
    )
