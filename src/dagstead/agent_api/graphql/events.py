"""``eventLogs { ... }``: the events of runs, written and read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dagster._core.event_api import EventLogCursor, EventLogRecord, EventRecordsResult
from dagster._core.events import DagsterEventType
from dagster._core.execution.stats import RunStepKeyStatsSnapshot
from dagster._core.storage.event_log.base import EventLogStorage

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.events_in import EventLogEntryInput
from dagstead.agent_api.graphql.events_out import page_answer, record_answer
from dagstead.agent_api.graphql.executor import OK, Resolver
from dagstead.agent_api.graphql.filters import (
    EventRecordsFilterInput,
    RunStatusChangeRecordsFilterInput,
    checked_cursor,
)
from dagstead.agent_api.graphql.inputs import Limit
from dagstead.agent_api.serialization import pack
from dagstead.errors import ForbiddenError

#: The size of a page when a client names none.
_DEFAULT_PAGE = 1_000


def event_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about the events of runs."""
    return {
        "StoreEvent": store_event,
        "StoreEventBatch": store_event_batch,
        "DeleteEvents": delete_events,
        "getMaximumRecordId": get_maximum_record_id,
        "getRecordsForRun": get_records_for_run,
        "getEventRecords": get_event_records,
        "getRunStatusChangeEventRecords": get_run_status_change_event_records,
        "getAssetPartitionsForRun": get_asset_partitions_for_run,
        "getStatsForRun": get_stats_for_run,
        "getStepStatsForRun": get_step_stats_for_run,
        **_storage_fields(),
    }


def _storage_fields() -> dict[str, Resolver]:
    return {
        "isPersistent": is_persistent,
        "isAssetAware": is_asset_aware,
        "Upgrade": leave_to_server,
        "Reindex": leave_to_server,
        "EnableSecondaryIndex": enable_secondary_index,
        "Wipe": wipe,
    }


def store_event(context: AgentContext, *, event_record: EventLogEntryInput) -> dict[str, bool]:
    """Store one event and apply what it says to its run."""
    context.write([event_record.value()])
    return OK


def store_event_batch(
    context: AgentContext, *, event_records: list[EventLogEntryInput]
) -> dict[str, bool]:
    """Store events in their order and apply what they say to their runs."""
    context.write([record.value() for record in event_records])
    return OK


def delete_events(context: AgentContext, *, run_id: str) -> dict[str, bool]:
    """Remove the log of one run."""
    context.instance_for_runs(run_id).event_log_storage.delete_events(run_id)
    return OK


def get_maximum_record_id(context: AgentContext) -> int | None:
    """The number of the latest event; None if there is none."""
    return _storage(context).get_maximum_record_id()


def get_records_for_run(  # noqa: PLR0913 the arguments of the wire
    context: AgentContext,
    *,
    run_id: str,
    cursor: str | None = None,
    of_type: DagsterEventType | None = None,
    of_types: list[DagsterEventType] | None = None,
    limit: Limit | None = None,
    ascending: bool = True,
) -> dict[str, Any]:
    """A part of the log of one run."""
    page = _storage(context).get_records_for_run(
        run_id,
        cursor=checked_cursor(cursor),
        of_type=set(of_types) if of_types else of_type,
        limit=limit,
        ascending=ascending,
    )
    return page_answer(page)


def get_event_records(
    context: AgentContext,
    *,
    event_records_filter: EventRecordsFilterInput,
    limit: Limit | None = None,
    ascending: bool = False,
) -> list[dict[str, Any]]:
    """The events of one kind that match a filter."""
    records = _storage(context).get_event_records(event_records_filter.value(), limit, ascending)
    return [record_answer(record) for record in records]


def get_run_status_change_event_records(
    context: AgentContext,
    *,
    records_filter: RunStatusChangeRecordsFilterInput,
    limit: Limit = _DEFAULT_PAGE,
    cursor: str | None = None,
    ascending: bool = False,
) -> dict[str, Any]:
    """The changes of runs to one status, which run status sensors follow."""
    jobs = set(records_filter.job_names or ())
    wanted = records_filter.value()._replace(job_names=None)
    changes = partial(_storage(context).fetch_run_status_changes, wanted, ascending=ascending)
    start = checked_cursor(cursor)
    if not jobs:
        return page_answer(changes(limit=limit, cursor=start))
    return page_answer(_of_jobs(changes, jobs, limit, start))


def get_asset_partitions_for_run(
    context: AgentContext,
    *,
    run_id: str,
    of_types: list[DagsterEventType] | None = None,
    include_partitions: bool = True,
) -> list[dict[str, Any]]:
    """The assets that a run has events of, with their partitions if those are asked for."""
    kinds = set(of_types) if of_types else None
    if not include_partitions:
        keys = _storage(context).get_asset_keys_for_run(run_id, kinds)
        texts = sorted(key.to_string() for key in keys)
        return [{"assetKey": text, "partitions": None} for text in texts]
    found = _storage(context).get_asset_partitions_for_run(run_id, kinds)
    return [
        {"assetKey": key.to_string(), "partitions": list(partitions)}
        for key, partitions in found.items()
    ]


def get_stats_for_run(context: AgentContext, *, run_id: str) -> dict[str, Any]:
    """The statistics of a run."""
    stats = _storage(context).get_stats_for_run(run_id)
    return {
        "runId": stats.run_id,
        "stepsSucceeded": stats.steps_succeeded,
        "stepsFailed": stats.steps_failed,
        "materializations": stats.materializations,
        "expectations": stats.expectations,
        "enqueuedTime": stats.enqueued_time,
        "launchTime": stats.launch_time,
        "startTime": stats.start_time,
        "endTime": stats.end_time,
    }


def get_step_stats_for_run(
    context: AgentContext, *, run_id: str, step_keys: list[str] | None = None
) -> list[dict[str, Any]]:
    """The statistics of the steps of a run."""
    found = _storage(context).get_step_stats_for_run(run_id, step_keys)
    return [_step_stats_answer(stats) for stats in found]


def is_persistent(context: AgentContext) -> bool:
    """Whether the log outlives the server."""
    return _storage(context).is_persistent


def is_asset_aware(context: AgentContext) -> bool:
    """Whether the log knows assets; all logs that this server uses do."""
    return bool(_storage(context))


def leave_to_server(context: AgentContext) -> dict[str, bool]:
    """The server keeps its storage up to date itself: there is nothing to do."""
    _storage(context)
    return OK


def enable_secondary_index(
    context: AgentContext, *, name: str, run_id: str | None = None
) -> dict[str, bool]:
    """The server keeps its indexes itself: there is nothing to do."""
    _storage(context)
    del name, run_id
    return OK


def wipe(context: AgentContext) -> dict[str, bool]:
    """Refuse: an agent must not erase the log of its deployment."""
    _storage(context)
    raise ForbiddenError(
        "An agent may not wipe a deployment's event log. Delete single runs in the UI."
    )


def _storage(context: AgentContext) -> EventLogStorage[Any]:
    return context.instance.event_log_storage


def _of_jobs(
    changes: Callable[..., EventRecordsResult], jobs: set[str], limit: int, cursor: str | None
) -> EventRecordsResult:
    """The first changes of runs of these jobs.

    Run status sensors with monitored jobs ask for that, as official clients assume that the server
    can filter; open-source storage cannot.
    """
    found: list[EventLogRecord] = []
    while True:
        page = changes(limit=_DEFAULT_PAGE, cursor=cursor)
        for record in page.records:
            if record.event_log_entry.job_name in jobs:
                found.append(record)
            if limit and len(found) == limit:
                here = EventLogCursor.from_storage_id(record.storage_id).to_string()
                return EventRecordsResult(found, here, has_more=True)
        cursor = page.cursor
        if not page.has_more:
            return EventRecordsResult(found, cursor, has_more=False)


def _step_stats_answer(stats: RunStepKeyStatsSnapshot) -> dict[str, Any]:
    return {
        "runId": stats.run_id,
        "stepKey": stats.step_key,
        "status": None if stats.status is None else stats.status.name,
        "startTime": stats.start_time,
        "endTime": stats.end_time,
        "materializationEvents": [pack(event) for event in stats.materialization_events],
        "expectationResults": [pack(result) for result in stats.expectation_results],
        "attempts": stats.attempts,
        "attemptsList": [pack(attempt) for attempt in stats.attempts_list],
        "markers": [pack(marker) for marker in stats.markers],
    }
