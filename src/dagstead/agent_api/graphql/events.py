"""``eventLogs { StoreEvent ... }``: events that run workers write."""

from __future__ import annotations

from dagstead.agent_api.graphql.answers import OK
from dagstead.agent_api.graphql.context import StorageContext
from dagstead.agent_api.graphql.events_in import EventLogEntryInput
from dagstead.agent_api.graphql.executor import Resolver


def write_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that take events."""
    return {
        "StoreEvent": store_event,
        "StoreEventBatch": store_event_batch,
    }


def store_event(context: StorageContext, *, event_record: EventLogEntryInput) -> dict[str, bool]:
    """Store one event and apply what it says to its run."""
    context.event_writer.write([event_record.value()], context.idempotency_key)
    return OK


def store_event_batch(
    context: StorageContext, *, event_records: list[EventLogEntryInput]
) -> dict[str, bool]:
    """Store events in their order and apply what they say to their runs."""
    entries = [record.value() for record in event_records]
    context.event_writer.write(entries, context.idempotency_key)
    return OK
