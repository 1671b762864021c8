"""``eventLogs { ... }``: assets, their materializations, and their state."""

from __future__ import annotations

from typing import Any

from dagster._core.definitions.events import AssetKey
from dagster._core.storage.event_log.base import AssetRecord, EventLogStorage
from dagster._core.storage.partition_status_cache import (
    AssetStatusCacheValue,
    get_and_update_asset_status_cache_value,
)

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.events_out import (
    entry_answer,
    optional_record_answer,
)
from dagstead.agent_api.graphql.executor import OK, Resolver
from dagstead.agent_api.graphql.inputs import AssetKeyInput, BigInt, StatusCacheInput, TagInput
from dagstead.agent_api.serialization import asset_key as key_of
from dagstead.errors import InvalidInputError


def asset_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about assets."""
    return {
        "hasAssetKey": has_asset_key,
        "getAllAssetKeys": get_all_asset_keys,
        "getAssetRecords": get_asset_records,
        "getLatestMaterializationEvents": get_latest_materialization_events,
        "getAssetEventTags": get_asset_event_tags,
        "getLatestPlannedMaterializationInfo": get_latest_planned_materialization_info,
        "getAssetStatusCacheValues": get_asset_status_cache_values,
        "UpdateAssetCachedStatusData": update_asset_cached_status_data,
        "WipeAssetCachedStatusData": wipe_asset_cached_status_data,
        "WipeAsset": wipe_asset,
        "WipeAssetPartitions": wipe_asset_partitions,
    }


def has_asset_key(context: AgentContext, *, asset_key: str) -> bool:
    """Whether the asset has any event."""
    return _storage(context).has_asset_key(key_of(asset_key))


def get_all_asset_keys(context: AgentContext) -> list[str]:
    """The assets that have events."""
    return [key.to_string() for key in _storage(context).all_asset_keys()]


def get_asset_records(
    context: AgentContext, *, asset_keys: list[str] | None = None
) -> list[dict[str, Any]]:
    """The latest records of the assets. Clients send an empty list for all assets."""
    keys = [key_of(text) for text in asset_keys] if asset_keys else None
    storage = _storage(context)
    return [_record_answer(storage, record) for record in storage.get_asset_records(keys)]


def get_latest_materialization_events(
    context: AgentContext, *, asset_keys: list[str]
) -> list[dict[str, Any]]:
    """The latest materialization of each asset that has one."""
    keys = [key_of(text) for text in asset_keys]
    found = _storage(context).get_latest_materialization_events(keys)
    return [entry_answer(entry) for entry in found.values() if entry is not None]


def get_asset_event_tags(
    context: AgentContext,
    *,
    asset_key: str,
    filter_tags: list[TagInput] | None = None,
    filter_event_id: BigInt | None = None,
) -> list[dict[str, Any]]:
    """The tags of the asset's events that have the given tags."""
    wanted = {tag.key: tag.single() for tag in filter_tags or []}
    found = _storage(context).get_event_tags_for_asset(
        key_of(asset_key), filter_tags=wanted or None, filter_event_id=filter_event_id
    )
    return [
        {"tags": [{"key": key, "value": value} for key, value in event_tags.items()]}
        for event_tags in found
    ]


def get_latest_planned_materialization_info(
    context: AgentContext, *, asset_key: str, partition: str | None = None
) -> dict[str, Any]:
    """The run that last planned to materialize the asset; without one, its fields are None."""
    info = _storage(context).get_latest_planned_materialization_info(key_of(asset_key), partition)
    return {
        "storageId": None if info is None else info.storage_id,
        "runId": None if info is None else info.run_id,
    }


def get_asset_status_cache_values(
    context: AgentContext, *, asset_keys: list[AssetKeyInput]
) -> list[dict[str, Any] | None]:
    """Which partitions of the assets are materialized, failed and in progress, as of now.

    Clients treat the answer as complete. The partitions are those of the deployment's loaded
    locations, not of the caller: it sends none.
    """
    return [
        _cache_answer(
            get_and_update_asset_status_cache_value(
                context.instance, key, context.partitions_of(key)
            )
        )
        for key in (given.value() for given in asset_keys)
    ]


def update_asset_cached_status_data(
    context: AgentContext, *, asset_key: str, cache_values: StatusCacheInput
) -> dict[str, bool]:
    """Store the state of an asset's partitions, which a caller has computed."""
    storage = _storage(context)
    if context.computes_states:
        storage.update_asset_cached_status_data(key_of(asset_key), cache_values.value())
    return OK


def wipe_asset_cached_status_data(context: AgentContext, *, asset_key: str) -> dict[str, bool]:
    """Forget the computed state of an asset's partitions."""
    storage = _storage(context)
    if context.computes_states:
        storage.wipe_asset_cached_status(key_of(asset_key))
    return OK


def wipe_asset(context: AgentContext, *, asset_key: str) -> dict[str, bool]:
    """Forget the asset's materializations up to now."""
    key = key_of(asset_key)
    context.instance_for_asset(key).event_log_storage.wipe_asset(key)
    return OK


def wipe_asset_partitions(
    context: AgentContext, *, asset_key: str, partition_keys: list[str]
) -> dict[str, bool]:
    """Forget the materializations of some partitions, if the storage can do that."""
    key = key_of(asset_key)
    storage = context.instance_for_asset(key).event_log_storage
    try:
        storage.wipe_asset_partitions(key, partition_keys)
    except NotImplementedError as error:
        # Open-source storage raises it for what only Dagster+ can do.
        raise InvalidInputError(
            "Open-source storage cannot wipe single partitions of an asset: wipe the whole asset."
        ) from error
    return OK


def _storage(context: AgentContext) -> EventLogStorage[Any]:
    return context.instance.event_log_storage


def _record_answer(storage: EventLogStorage[Any], record: AssetRecord) -> dict[str, Any]:
    return {"storageId": record.storage_id, "assetEntry": _entry_answer(storage, record)}


def _entry_answer(storage: EventLogStorage[Any], record: AssetRecord) -> dict[str, Any]:
    """The asset's entry, with everything that clients expect in it.

    Official clients do not look for the latest observation and the latest plan if the entry has
    none, because Dagster+ always fills them in. Open-source storage never does, so they are looked
    up here.
    """
    entry = record.asset_entry
    planned = storage.get_latest_planned_materialization_info(entry.asset_key)
    details = entry.asset_details
    return {
        "assetKey": {"path": list(entry.asset_key.path)},
        "lastMaterializationRecord": optional_record_answer(entry.last_materialization_record),
        "lastRunId": entry.last_run_id,
        "assetDetails": (
            None if details is None else {"lastWipeTimestamp": details.last_wipe_timestamp}
        ),
        "cachedStatus": _cache_answer(entry.cached_status),
        "lastObservationRecord": _last_observation(storage, entry.asset_key),
        "lastPlannedMaterializationStorageId": None if planned is None else planned.storage_id,
        "lastPlannedMaterializationRunId": None if planned is None else planned.run_id,
    }


def _last_observation(storage: EventLogStorage[Any], key: AssetKey) -> dict[str, Any] | None:
    found = storage.fetch_observations(key, limit=1).records
    return optional_record_answer(found[0] if found else None)


def _cache_answer(value: AssetStatusCacheValue | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "latestStorageId": value.latest_storage_id,
        "partitionsDefId": value.partitions_def_id,
        "serializedMaterializedPartitionSubset": value.serialized_materialized_partition_subset,
        "serializedFailedPartitionSubset": value.serialized_failed_partition_subset,
        "serializedInProgressPartitionSubset": value.serialized_in_progress_partition_subset,
        "earliestInProgressMaterializationEventId": (
            value.earliest_in_progress_materialization_event_id
        ),
    }
