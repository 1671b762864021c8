"""Events as agents read them: entries with their parts packed as texts."""

from __future__ import annotations

from typing import Any

from dagster._core.event_api import EventLogRecord, EventRecordsResult
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.base import EventLogConnection

from dagstead.agent_api.serialization import pack_optional


def entry_answer(entry: EventLogEntry) -> dict[str, Any]:
    """One entry of a log."""
    return {
        "errorInfo": pack_optional(entry.error_info),
        "level": entry.level,
        "userMessage": entry.user_message,
        "runId": entry.run_id,
        "timestamp": entry.timestamp,
        "stepKey": entry.step_key,
        "pipelineName": entry.job_name,
        "dagsterEvent": pack_optional(entry.dagster_event),
    }


def record_answer(record: EventLogRecord) -> dict[str, Any]:
    """One entry with its number in the deployment's log."""
    return {
        "storageId": record.storage_id,
        "eventLogEntry": entry_answer(record.event_log_entry),
    }


def optional_record_answer(record: EventLogRecord | None) -> dict[str, Any] | None:
    """The same for a record that may be missing."""
    return None if record is None else record_answer(record)


def page_answer(page: EventLogConnection | EventRecordsResult) -> dict[str, Any]:
    """A part of a log, and where the next part begins."""
    return {
        "records": [record_answer(record) for record in page.records],
        "cursor": page.cursor,
        "hasMore": page.has_more,
    }
