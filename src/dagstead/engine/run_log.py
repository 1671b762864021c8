"""Entries of a run's log: which are the same, and what becomes of one that comes too late."""

from __future__ import annotations

from dagster import DagsterInstance
from dagster._core.events import (
    EVENT_TYPE_TO_PIPELINE_RUN_STATUS,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    JobFailureData,
)
from dagster._core.events.log import EventLogEntry

#: How many entries of a run's log are read at a time to find one.
_PAGE = 1_000


def has_entry(instance: DagsterInstance, entry: EventLogEntry) -> bool:
    """Whether the log of the entry's run holds the very same entry."""
    sought = identity(entry)
    kind = None if entry.dagster_event is None else entry.dagster_event.event_type
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(
            entry.run_id, cursor=cursor, of_type=kind, limit=_PAGE, ascending=False
        )
        if any(identity(record.event_log_entry) == sought for record in page.records):
            return True
        if not page.has_more:
            return False
        cursor = page.cursor


def identity(entry: EventLogEntry) -> tuple[object, ...]:
    """What two entries have in common when one is a copy of the other."""
    event = entry.dagster_event
    kind: DagsterEventType | None = None if event is None else event.event_type
    return (
        entry.run_id,
        entry.timestamp,
        entry.step_key,
        kind,
        entry.user_message,
        None if event is None else event.message,
        None if event is None else event.event_specific_data,
    )


def changes_status(entry: EventLogEntry) -> bool:
    """Whether an entry moves its run to another status."""
    event = entry.dagster_event
    return event is not None and event.event_type in EVENT_TYPE_TO_PIPELINE_RUN_STATUS


def late(entry: EventLogEntry) -> EventLogEntry:
    """The entry as an engine event with its text, which moves no run and fires no sensor."""
    event = entry.dagster_event
    if event is None or not changes_status(entry):
        return entry
    data = event.event_specific_data
    error = data.error if isinstance(data, JobFailureData) else None
    said = f" It said: {event.message}" if event.message else ""
    return entry._replace(
        dagster_event=DagsterEvent(
            event_type_value=DagsterEventType.ENGINE_EVENT.value,
            job_name=event.job_name,
            message=f"{event.event_type_value} came too late to change the run's status.{said}",
            event_specific_data=EngineEventData(error=error),
            pid=event.pid,
            step_key=event.step_key,
        )
    )
