"""``eventLogs { ... }``: the events of one asset, in pages."""

from __future__ import annotations

from typing import Any

from dagster._core.event_api import EventLogCursor, EventRecordsResult
from dagster._core.events import DagsterEventType
from dagster._core.storage.event_log.base import EventLogStorage

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.events_out import page_answer
from dagstead.agent_api.graphql.executor import Resolver
from dagstead.agent_api.graphql.filters import AssetRecordsFilterInput, checked_cursor
from dagstead.agent_api.graphql.inputs import Limit

#: The size of a page when a client names none.
_DEFAULT_PAGE = 1_000


def asset_event_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that page through the events of an asset."""
    return {
        "fetchMaterializations": fetch_materializations,
        "fetchFailedMaterializations": fetch_failed_materializations,
        "fetchObservations": fetch_observations,
        "fetchPlannedMaterializations": fetch_planned_materializations,
    }


def fetch_materializations(
    context: AgentContext,
    *,
    records_filter: AssetRecordsFilterInput,
    limit: Limit = _DEFAULT_PAGE,
    cursor: str | None = None,
    ascending: bool = False,
) -> dict[str, Any]:
    """The asset's materializations."""
    return page_answer(
        _storage(context).fetch_materializations(
            records_filter.value(), limit, checked_cursor(cursor), ascending
        )
    )


def fetch_failed_materializations(
    context: AgentContext,
    *,
    records_filter: AssetRecordsFilterInput,
    limit: Limit = _DEFAULT_PAGE,
    cursor: str | None = None,
    ascending: bool = False,
) -> dict[str, Any]:
    """The asset's failed materializations. Open-source storage keeps no such events."""
    return page_answer(
        _storage(context).fetch_failed_materializations(
            records_filter.value(), limit, checked_cursor(cursor), ascending
        )
    )


def fetch_observations(
    context: AgentContext,
    *,
    records_filter: AssetRecordsFilterInput,
    limit: Limit = _DEFAULT_PAGE,
    cursor: str | None = None,
    ascending: bool = False,
) -> dict[str, Any]:
    """The asset's observations."""
    return page_answer(
        _storage(context).fetch_observations(
            records_filter.value(), limit, checked_cursor(cursor), ascending
        )
    )


def fetch_planned_materializations(
    context: AgentContext,
    *,
    records_filter: AssetRecordsFilterInput,
    limit: Limit = _DEFAULT_PAGE,
    cursor: str | None = None,
    ascending: bool = False,
) -> dict[str, Any]:
    """The asset's planned materializations."""
    planned = records_filter.value().to_event_records_filter(
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        cursor=checked_cursor(cursor),
        ascending=ascending,
    )
    records = _storage(context).get_event_records(planned, limit, ascending)
    latest = records[-1].storage_id if records else -1
    here = EventLogCursor.from_storage_id(latest).to_string()
    # An empty page keeps the cursor that was sent.
    next_cursor = here if records or cursor is None else cursor
    return page_answer(EventRecordsResult(records, next_cursor, has_more=len(records) == limit))


def _storage(context: AgentContext) -> EventLogStorage[Any]:
    return context.instance.event_log_storage
