"""How each method of ``EventLogStorage`` is driven."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from dagster import AssetKey
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.event_api import (
    PartitionKeyFilter,
)
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.tags import MULTIDIMENSIONAL_PARTITION_PREFIX
from dagster._utils.concurrency import ConcurrencyClaimStatus
from dagster_shared.record import copy
from hypothesis import strategies as st

from tests.contract.drivers import (
    BY_CLIENT,
    CLIENT_REFUSES,
    OWN_CARE,
    Driver,
    Excluded,
    Read,
    arguments,
    optional,
    some_of,
    unordered,
)
from tests.contract.event_log_arguments import (
    ASSET_EVENTS,
    OTHER_EVENTS,
    claim_steps,
    cursors,
    event_filters,
    fetching,
    keys,
    kinds,
    limits,
    of_run,
    page_sizes,
    partition_names,
    partitions,
    status_filters,
    storage_ids,
)
from tests.contract.event_log_changes import EVENT_LOG_CHANGES
from tests.contract.run_drivers import run_ids
from tests.contract.world import World


def _as_dagster_plus_has_it(
    world: World, _given: Mapping[str, Any], records: list[AssetRecord]
) -> list[AssetRecord]:
    """With the latest observation and the latest plan, which open-source storage leaves out."""
    return [_completed(world, record) for record in records]


def _completed(world: World, record: AssetRecord) -> AssetRecord:
    storage = world.instance.event_log_storage
    key = record.asset_entry.asset_key
    planned = storage.get_latest_planned_materialization_info(key)
    observed = storage.fetch_observations(key, limit=1).records
    entry = copy(
        record.asset_entry,
        last_observation_record=observed[0] if observed else None,
        last_planned_materialization_storage_id=planned.storage_id if planned else None,
        last_planned_materialization_run_id=planned.run_id if planned else None,
    )
    return copy(record, asset_entry=entry)


def _with_zone(status: ConcurrencyClaimStatus) -> Any:
    """Open-source storage gives times without a zone, which are UTC."""
    times = (status.assigned_timestamp, status.enqueued_timestamp)
    return (
        status.slot_status,
        status.priority,
        [time and time.replace(tzinfo=UTC) for time in times],
    )


def _without_microseconds(records: Any) -> Any:
    """The official class takes the time from the event, open-source storage from its column."""
    return [copy(record, timestamp=round(record.timestamp, 3)) for record in records]


def _by_key(records: Any) -> Any:
    return sorted(records, key=lambda record: record.asset_entry.asset_key.to_string())


def _without_none(found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The official class leaves out what was never made; open-source storage says None."""
    return {key: value for key, value in found.items() if value is not None}


_READS: Mapping[str, Driver] = {
    "all_asset_keys": Read(normal=list),
    "check_concurrency_claim": Read(
        arguments=lambda world: arguments(
            concurrency_key=st.sampled_from(world.pools),
            run_id=st.sampled_from(world.run_ids[-2:]),
            step_key=claim_steps,
        ),
        normal=_with_zone,
    ),
    "fetch_failed_materializations": Read(arguments=fetching),
    "fetch_materializations": Read(arguments=fetching),
    "fetch_observations": Read(arguments=fetching),
    "fetch_run_status_changes": Read(
        arguments=lambda world: arguments(
            records_filter=status_filters(world),
            limit=page_sizes,
            cursor=cursors(world),
            ascending=st.booleans(),
        )
    ),
    "get_asset_check_summary_records": Read(
        arguments=lambda world: arguments(asset_check_keys=some_of(world.check_keys, least=1))
    ),
    "get_asset_event_summary_records": Read(
        arguments=lambda world: arguments(
            event_type=st.sampled_from(ASSET_EVENTS[:2]),
            asset_key=keys(world).filter(lambda key: key != AssetKey("wiped")),
            after_storage_id=optional(storage_ids(world)),
            before_storage_id=optional(storage_ids(world)),
            limit=limits,
            ascending=st.booleans(),
        ),
        normal=_without_microseconds,
    ),
    "get_asset_keys": Read(
        arguments=lambda world: arguments(
            prefix=optional(st.sampled_from([["deep"], ["no such prefix"]])),
            limit=limits,
            cursor=optional(keys(world).map(AssetKey.to_string)),
        ),
        normal=list,
    ),
    "get_asset_keys_for_run": Read(arguments=of_run, normal=set),
    "get_asset_partitions_for_run": Read(
        arguments=of_run,
        normal=lambda found: {key: set(partitions) for key, partitions in found.items()},
    ),
    "get_asset_records": Read(
        arguments=lambda world: arguments(asset_keys=optional(some_of(world.asset_keys, least=1))),
        normal=_by_key,
        expected=_as_dagster_plus_has_it,
    ),
    "get_asset_tags_to_index": Read(
        arguments=lambda _: arguments(tag_keys=some_of([DATA_VERSION_TAG, "other"]).map(set))
    ),
    "get_concurrency_info": Read(
        arguments=lambda world: arguments(
            concurrency_key=st.sampled_from([*world.pools, "no such pool"])
        )
    ),
    "get_concurrency_infos": Read(
        arguments=lambda world: arguments(concurrency_keys=some_of(world.pools))
    ),
    "get_concurrency_keys": Read(normal=set),
    "get_dynamic_partitions": Read(
        arguments=lambda _: arguments(partitions_def_name=partition_names), normal=list
    ),
    "get_event_records": Read(
        arguments=lambda world: arguments(
            event_records_filter=event_filters(world), limit=limits, ascending=st.booleans()
        ),
        normal=list,
    ),
    "get_event_tags_for_asset": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world),
            filter_tags=optional(st.just({f"{MULTIDIMENSIONAL_PARTITION_PREFIX}letter": "a"})),
            filter_event_id=optional(storage_ids(world)),
        ),
        normal=unordered,
    ),
    "get_existing_dynamic_partitions": Read(
        arguments=lambda _: arguments(
            partitions_def_name=partition_names,
            partition_keys=some_of(["red", "green", "no such key"]),
        ),
        normal=set,
    ),
    "get_latest_asset_check_execution_by_key": Read(
        arguments=lambda world: arguments(
            check_keys=some_of(world.check_keys),
            partition_filter=optional(
                st.sampled_from([PartitionKeyFilter(key=None), PartitionKeyFilter(key="a")])
            ),
        ),
        normal=dict,
    ),
    "get_latest_asset_partition_materialization_attempts_without_materializations": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world), after_storage_id=optional(storage_ids(world))
        ),
        normal=dict,
    ),
    "get_latest_materialization_events": Read(
        arguments=lambda world: arguments(asset_keys=some_of(world.asset_keys)),
        normal=_without_none,
    ),
    "get_latest_materialization_storage_ids": Read(
        # Without keys, the official class asks for the records of all assets.
        arguments=lambda world: arguments(asset_keys=some_of(world.asset_keys, least=1)),
        normal=dict,
    ),
    "get_latest_planned_materialization_info": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world), partition=optional(st.sampled_from(world.partition_keys))
        )
    ),
    "get_latest_storage_id_by_partition": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world),
            event_type=st.sampled_from(ASSET_EVENTS),
            partitions=optional(partitions(world).map(set)),
            after_cursor=optional(storage_ids(world)),
        ),
        normal=dict,
    ),
    "get_latest_tags_by_partition": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world),
            event_type=st.sampled_from(ASSET_EVENTS[:2]),
            tag_keys=st.sampled_from([[DATA_VERSION_TAG], ["no such tag"]]),
            asset_partitions=optional(partitions(world)),
            before_cursor=optional(storage_ids(world)),
            after_cursor=optional(storage_ids(world)),
        )
    ),
    "get_logs_for_run": Read(
        arguments=lambda world: arguments(
            run_id=run_ids(world),
            cursor=optional(st.integers(-1, 8)),
            of_type=optional(kinds | some_of(OTHER_EVENTS).map(set)),
            limit=limits,
            ascending=st.booleans(),
        ),
        normal=list,
    ),
    "get_materialized_partitions": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world),
            before_cursor=optional(storage_ids(world)),
            after_cursor=optional(storage_ids(world)),
        )
    ),
    "get_maximum_record_id": Read(),
    "get_paginated_dynamic_partitions": Read(
        arguments=lambda _: arguments(
            partitions_def_name=partition_names,
            limit=st.integers(1, 3),
            ascending=st.booleans(),
        )
    ),
    "get_pool_config": Read(),
    "get_pool_limits": Read(normal=list),
    "get_records_for_run": Read(
        arguments=lambda world: arguments(
            run_id=run_ids(world),
            cursor=cursors(world),
            of_type=optional(kinds | some_of(OTHER_EVENTS).map(set)),
            limit=limits,
            ascending=st.booleans(),
        )
    ),
    "get_stats_for_run": Read(arguments=lambda world: arguments(run_id=run_ids(world))),
    "get_step_stats_for_run": Read(
        arguments=lambda world: arguments(
            run_id=run_ids(world), step_keys=optional(some_of(["patient", "rash", "lettered"]))
        ),
        normal=list,
    ),
    "get_updated_data_version_partitions": Read(
        arguments=lambda world: arguments(
            asset_key=keys(world),
            partitions=partitions(world),
            since_storage_id=storage_ids(world),
        )
    ),
    "has_asset_key": Read(arguments=lambda world: arguments(asset_key=keys(world))),
    "has_dynamic_partition": Read(
        arguments=lambda _: arguments(
            partitions_def_name=partition_names,
            partition_key=st.sampled_from(["red", "no such key"]),
        )
    ),
    "is_persistent": Read(),
    "supports_global_concurrency_limits": Read(),
}

_ABOUT_ITSELF = Excluded(
    "the official class says it of Dagster+; what it says of the answers holds for the server's"
)

_EXCLUDED: Mapping[str, Driver] = {
    "alembic_version": BY_CLIENT,
    "asset_records_have_last_observation": _ABOUT_ITSELF,
    "asset_records_have_last_planned_and_failed_materializations": _ABOUT_ITSELF,
    "can_read_asset_status_cache": _ABOUT_ITSELF,
    "can_store_asset_failure_events": _ABOUT_ITSELF,
    "can_write_asset_status_cache": _ABOUT_ITSELF,
    "default_run_scoped_event_tailer_offset": BY_CLIENT,
    "dispose": BY_CLIENT,
    "end_watch": CLIENT_REFUSES,
    "get_asset_check_execution_history": CLIENT_REFUSES,
    "get_asset_check_partition_info": CLIENT_REFUSES,
    "get_asset_check_state": Excluded(
        "it needs get_asset_check_partition_info, which the official class refuses"
    ),
    "get_asset_status_cache_values": Excluded(
        "it needs the partitions of loaded definitions: see test_where_storage_falls_short"
    ),
    "get_checkpointed_asset_check_state": BY_CLIENT,
    "get_concurrency_run_ids": CLIENT_REFUSES,
    "get_freshness_state_records": CLIENT_REFUSES,
    "get_logs_for_all_runs_by_log_id": BY_CLIENT,
    "handles_run_events_in_store_event": Excluded(
        "the official class says yes: store_event is compared with what an instance does"
    ),
    "has_bounded_dynamic_partition_membership_query": BY_CLIENT,
    "has_instance": BY_CLIENT,
    "is_run_sharded": BY_CLIENT,
    "optimize_for_webserver": BY_CLIENT,
    "register_instance": BY_CLIENT,
    "reindex_assets": OWN_CARE,
    "reindex_events": OWN_CARE,
    "supports_asset_checks": BY_CLIENT,
    "supports_partition_subset_in_asset_materialization_planned_events": _ABOUT_ITSELF,
    "supports_run_status_change_job_name_filter": _ABOUT_ITSELF,
    "update_asset_cached_status_data": CLIENT_REFUSES,
    "upgrade": OWN_CARE,
    "watch": CLIENT_REFUSES,
    "wipe": Excluded("the server refuses it: see refused.py"),
    "wipe_asset_partitions": Excluded("neither storage can, and the server says so"),
}

EVENT_LOG_DRIVERS: Mapping[str, Driver] = {**_READS, **EVENT_LOG_CHANGES, **_EXCLUDED}
