"""The filters on events that agents send."""

from __future__ import annotations

from typing import Annotated

from dagster._core.event_api import (
    AssetRecordsFilter,
    EventLogCursor,
    EventRecordsFilter,
    PartitionKeyFilter,
    RunShardedEventsCursor,
    RunStatusChangeRecordsFilter,
)
from dagster._core.events import DagsterEventType
from pydantic import AfterValidator, FiniteFloat

from dagstead.agent_api.graphql.inputs import BigInt, Input, TagInput, moment
from dagstead.agent_api.serialization import asset_key, build_value


def checked_cursor(cursor: str | None) -> str | None:
    """A place in an event log, as an earlier answer gave it.

    Raises:
        InvalidInputError: if it has another form.
    """
    if cursor is not None:
        build_value("a cursor", lambda: EventLogCursor.parse(cursor))
    return cursor


def _refuse_tags(tags: list[TagInput] | None) -> list[TagInput] | None:
    if tags:
        raise ValueError("events can no longer be found by tags: filter by partition")
    return tags


#: A filter that clients still send, always empty: open-source storage has dropped it.
NoTags = Annotated[list[TagInput] | None, AfterValidator(_refuse_tags)]


class EventRecordsFilterInput(Input):
    """Events of one kind."""

    event_type: DagsterEventType
    asset_key: str | None = None
    asset_partitions: list[str] | None = None
    after_timestamp: FiniteFloat | None = None
    before_timestamp: FiniteFloat | None = None
    before_cursor: BigInt | None = None
    after_cursor: BigInt | None = None
    run_updated_after: FiniteFloat | None = None
    tags: NoTags = None
    storage_ids: list[BigInt] | None = None

    def value(self) -> EventRecordsFilter:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if Dagster has no such value.
        """
        return build_value(
            "a filter of events",
            lambda: EventRecordsFilter(
                event_type=self.event_type,
                asset_key=None if self.asset_key is None else asset_key(self.asset_key),
                asset_partitions=self.asset_partitions,
                after_cursor=self._cursor(self.after_cursor),
                before_cursor=self._cursor(self.before_cursor),
                after_timestamp=self.after_timestamp,
                before_timestamp=self.before_timestamp,
                storage_ids=self.storage_ids,
            ),
        )

    def _cursor(self, storage_id: int | None) -> int | RunShardedEventsCursor | None:
        if storage_id is None or self.run_updated_after is None:
            return storage_id
        return RunShardedEventsCursor(storage_id, moment(self.run_updated_after))


class AssetRecordsFilterInput(Input):
    """Events of one asset."""

    asset_key: str
    asset_partitions: list[str] | None = None
    after_timestamp: FiniteFloat | None = None
    before_timestamp: FiniteFloat | None = None
    after_storage_id: BigInt | None = None
    before_storage_id: BigInt | None = None
    tags: NoTags = None
    storage_ids: list[BigInt] | None = None

    def value(self) -> AssetRecordsFilter:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if Dagster has no such value.
        """
        return build_value(
            "a filter of an asset's events",
            lambda: AssetRecordsFilter(
                asset_key=asset_key(self.asset_key),
                asset_partitions=self.asset_partitions,
                after_timestamp=self.after_timestamp,
                before_timestamp=self.before_timestamp,
                after_storage_id=self.after_storage_id,
                before_storage_id=self.before_storage_id,
                storage_ids=self.storage_ids,
            ),
        )


class RunStatusChangeRecordsFilterInput(Input):
    """Changes of runs to one status."""

    event_type: DagsterEventType
    after_timestamp: FiniteFloat | None = None
    before_timestamp: FiniteFloat | None = None
    after_storage_id: BigInt | None = None
    before_storage_id: BigInt | None = None
    storage_ids: list[BigInt] | None = None
    job_names: list[str] | None = None

    def value(self) -> RunStatusChangeRecordsFilter:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if the event type is not a change of a run's status.
        """
        return build_value(
            "a filter of changes of status",
            lambda: RunStatusChangeRecordsFilter(
                # The class declares the event types that it takes, and checks them itself.
                event_type=self.event_type,  # type: ignore[arg-type]
                after_timestamp=self.after_timestamp,
                before_timestamp=self.before_timestamp,
                after_storage_id=self.after_storage_id,
                before_storage_id=self.before_storage_id,
                storage_ids=self.storage_ids,
                job_names=self.job_names,
            ),
        )


class PartitionFilterInput(Input):
    """One partition; with null, events without a partition."""

    key: str | None

    def value(self) -> PartitionKeyFilter:
        """The same as a value of Dagster's."""
        return PartitionKeyFilter(key=self.key)
