"""``eventLogs { ... }``: asset checks."""

from __future__ import annotations

from typing import Any

from dagster._core.definitions.asset_key import AssetCheckKey
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.events_out import entry_answer
from dagstead.agent_api.graphql.executor import Resolver
from dagstead.agent_api.graphql.filters import PartitionFilterInput
from dagstead.agent_api.graphql.inputs import value_of
from dagstead.agent_api.serialization import asset_check_key


def check_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about asset checks."""
    return {
        "getAssetCheckSummaryRecord": get_asset_check_summary_record,
        "getLatestAssetCheckExecutionByKey": get_latest_asset_check_execution_by_key,
    }


def get_asset_check_summary_record(
    context: AgentContext, *, asset_check_keys: list[str] | None = None
) -> list[dict[str, Any]]:
    """The latest execution of every check, and the latest that has completed."""
    keys = [asset_check_key(text) for text in asset_check_keys or []]
    found = context.instance.event_log_storage.get_asset_check_summary_records(keys)
    return [
        {
            "assetCheckKey": _key_answer(key),
            "lastCheckExecutionRecord": _optional_answer(record.last_check_execution_record),
            "lastCompletedCheckExecutionRecord": _optional_answer(
                record.last_completed_check_execution_record
            ),
            "lastRunId": record.last_run_id,
        }
        for key, record in found.items()
    ]


def get_latest_asset_check_execution_by_key(
    context: AgentContext,
    *,
    asset_check_keys: list[str],
    partition_filter: PartitionFilterInput | None = None,
) -> list[dict[str, Any]]:
    """The latest execution of every check, of one partition if that is asked for."""
    keys = [asset_check_key(text) for text in asset_check_keys]
    storage = context.instance.event_log_storage
    found = storage.get_latest_asset_check_execution_by_key(keys, value_of(partition_filter))
    return [_record_answer(record) for record in found.values()]


def _key_answer(key: AssetCheckKey) -> dict[str, Any]:
    return {"assetKey": {"path": list(key.asset_key.path)}, "name": key.name}


def _optional_answer(record: AssetCheckExecutionRecord | None) -> dict[str, Any] | None:
    return None if record is None else _record_answer(record)


def _record_answer(record: AssetCheckExecutionRecord) -> dict[str, Any]:
    return {
        "assetCheckKey": _key_answer(record.key),
        "id": record.id,
        "runId": record.run_id,
        "status": record.status.value,
        "event": None if record.event is None else entry_answer(record.event),
        "createTimestamp": record.create_timestamp,
        "partition": record.partition,
    }
