"""``eventLogs { ... }``: the partitions of assets, and partitions that are added at run time."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.types.pagination import StorageIdCursor

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import OK, TYPENAME, Resolver
from dagstead.agent_api.graphql.inputs import BigInt, Limit
from dagstead.agent_api.serialization import asset_key as key_of
from dagstead.agent_api.serialization import build_value


def partition_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about partitions."""
    return {
        "getMaterializedPartitions": get_materialized_partitions,
        "getMaterializationCountByPartition": get_materialization_count_by_partition,
        "getLatestStorageIdByPartition": get_latest_storage_id_by_partition,
        "getLatestTagsByPartition": get_latest_tags_by_partition,
        "getLatestAssetPartitionMaterializationAttemptsWithoutMaterializations": (
            get_unfinished_attempts
        ),
        "getUpdatedDataVersionPartitions": get_updated_data_version_partitions,
        "getDynamicPartitions": get_dynamic_partitions,
        "getPaginatedDynamicPartitions": get_paginated_dynamic_partitions,
        "hasDynamicPartition": has_dynamic_partition,
        "AddDynamicPartitions": add_dynamic_partitions,
        "DeleteDynamicPartition": delete_dynamic_partition,
    }


def get_materialized_partitions(
    context: AgentContext,
    *,
    asset_key: str,
    before_cursor: BigInt | None = None,
    after_cursor: BigInt | None = None,
) -> list[str]:
    """The partitions that were materialized between two events."""
    found = _storage(context).get_materialized_partitions(
        key_of(asset_key), before_cursor, after_cursor
    )
    return sorted(found)


def get_materialization_count_by_partition(
    context: AgentContext, *, asset_keys: list[str], after_cursor: BigInt | None = None
) -> list[dict[str, Any]]:
    """How often partitions were materialized, counted here: open-source storage no longer does."""
    return [
        {
            TYPENAME: "AssetMaterializationCountByPartition",
            "assetKey": text,
            "materializationCountByPartition": [
                {"partition": partition, "materializationCount": count}
                for partition, count in _counts(_storage(context), text, after_cursor).items()
            ],
        }
        for text in asset_keys
    ]


def get_latest_storage_id_by_partition(
    context: AgentContext,
    *,
    asset_key: str,
    event_type: DagsterEventType,
    partitions: list[str] | None = None,
    after_cursor: BigInt | None = None,
) -> list[dict[str, Any]]:
    """The number of the latest event per partition."""
    found = _storage(context).get_latest_storage_id_by_partition(
        key_of(asset_key), event_type, set(partitions) if partitions else None, after_cursor
    )
    return [
        {TYPENAME: "StorageIdByPartition", "partition": partition, "storageId": storage_id}
        for partition, storage_id in found.items()
    ]


def get_latest_tags_by_partition(  # noqa: PLR0913 the arguments of the wire
    context: AgentContext,
    *,
    asset_key: str,
    event_type: DagsterEventType,
    tag_keys: list[str] | None = None,
    asset_partitions: list[str] | None = None,
    before_cursor: BigInt | None = None,
    after_cursor: BigInt | None = None,
) -> list[dict[str, Any]]:
    """The tags of the latest event per partition."""
    found = _storage(context).get_latest_tags_by_partition(
        key_of(asset_key),
        event_type,
        tag_keys or [],
        asset_partitions,
        before_cursor,
        after_cursor,
    )
    return [
        {TYPENAME: "TagByPartition", "partition": partition, "key": key, "value": value}
        for partition, tags in found.items()
        for key, value in tags.items()
    ]


def get_unfinished_attempts(
    context: AgentContext, *, asset_key: str, after_storage_id: BigInt | None = None
) -> dict[str, list[str | int]]:
    """The run and event that planned a partition after its last materialization."""
    storage = _storage(context)
    found = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        key_of(asset_key), after_storage_id
    )
    return {partition: list(attempt) for partition, attempt in found.items()}


def get_updated_data_version_partitions(
    context: AgentContext, *, asset_key: str, partitions: list[str], after_storage_id: BigInt
) -> list[str]:
    """The partitions whose data has changed since an event."""
    found = _storage(context).get_updated_data_version_partitions(
        key_of(asset_key), partitions, after_storage_id
    )
    return sorted(found)


def get_dynamic_partitions(context: AgentContext, *, partitions_def_name: str) -> list[str]:
    """The partitions that were added under a name."""
    return list(_storage(context).get_dynamic_partitions(partitions_def_name))


def get_paginated_dynamic_partitions(
    context: AgentContext,
    *,
    partitions_def_name: str,
    limit: Limit,
    ascending: bool,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A part of the partitions that were added under a name."""
    if cursor is not None:
        build_value("a cursor", lambda: int(StorageIdCursor.from_cursor(cursor).storage_id))
    page = _storage(context).get_paginated_dynamic_partitions(
        partitions_def_name, limit, ascending, cursor
    )
    return {"results": list(page.results), "hasMore": page.has_more, "cursor": page.cursor}


def has_dynamic_partition(
    context: AgentContext, *, partitions_def_name: str, partition_key: str
) -> bool:
    """Whether the partition was added under the name."""
    return _storage(context).has_dynamic_partition(partitions_def_name, partition_key)


def add_dynamic_partitions(
    context: AgentContext, *, partitions_def_name: str, partition_keys: list[str]
) -> dict[str, bool]:
    """Add partitions under a name; existing ones stay."""
    _storage(context).add_dynamic_partitions(partitions_def_name, partition_keys)
    return OK


def delete_dynamic_partition(
    context: AgentContext, *, partitions_def_name: str, partition_key: str
) -> dict[str, bool]:
    """Remove a partition; its materializations stay."""
    _storage(context).delete_dynamic_partition(partitions_def_name, partition_key)
    return OK


def _storage(context: AgentContext) -> EventLogStorage[Any]:
    return context.instance.event_log_storage


def _counts(storage: EventLogStorage[Any], text: str, after: int | None) -> Counter[str]:
    made = storage.get_asset_event_summary_records(
        DagsterEventType.ASSET_MATERIALIZATION,
        asset_key=key_of(text),
        after_storage_id=after,
        ascending=True,
    )
    return Counter(record.partition for record in made if record.partition is not None)
