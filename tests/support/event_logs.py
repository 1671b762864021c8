"""Event logs of a deployment, opened by their place, and what is written to them."""

from __future__ import annotations

from dagster import AssetKey, AssetMaterialization, DagsterEvent, DagsterEventType
from dagster._core.events import StepMaterializationData
from dagster._core.events.log import EventLogEntry

from dagstead.engine.postgres_storages import GroupedPostgresEventLog
from dagstead.engine.sqlite_storages import HeldEventLog

RUN_ID = "a-run"

EventLog = HeldEventLog | GroupedPostgresEventLog


def opened(place: str) -> EventLog:
    """The event log in a folder, or at the URL of a Postgres database."""
    if "://" not in place:
        return HeldEventLog(place)
    return GroupedPostgresEventLog(place.replace("postgresql://", "postgresql+psycopg2://", 1))


def line(text: str) -> EventLogEntry:
    """A line that code has logged."""
    return EventLogEntry(None, 10, text, RUN_ID, 1.0, None, "job", None)


def of_asset(name: str) -> EventLogEntry:
    """A materialization of an asset."""
    made = StepMaterializationData(AssetMaterialization(asset_key=AssetKey(name)))
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name="job",
        event_specific_data=made,
    )
    return EventLogEntry(None, 10, "", RUN_ID, 1.0, None, "job", event)


def of_run(kind: DagsterEventType) -> EventLogEntry:
    """An event about the status of the run."""
    event = DagsterEvent(event_type_value=kind.value, job_name="job")
    return EventLogEntry(None, 10, "", RUN_ID, 1.0, None, "job", event)
