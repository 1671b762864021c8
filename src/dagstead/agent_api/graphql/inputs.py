"""The input objects of agents, as typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol, TypeVar

from dagster._core.definitions.events import AssetKey
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.storage.dagster_run import DagsterRunStatus, JobBucket, RunsFilter, TagBucket
from dagster._core.storage.partition_status_cache import AssetStatusCacheValue
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat
from pydantic.alias_generators import to_camel

from dagstead.errors import InvalidInputError

T = TypeVar("T", covariant=True)  # noqa: PLC0105 used for one protocol

#: The years that all our databases take.
_EARLIEST_SECONDS = 0.0
_LATEST_SECONDS = 253_402_300_799.0


class Input(BaseModel):
    """An input object. An unknown field is refused: dropping a filter would change the answer."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )


def _whole(value: object) -> object:
    """Texts of digits count as numbers: the wire's BigInt may be either."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value


#: The largest number that the databases take.
_LARGEST = 2**63 - 1

#: The number of a record. GraphQL's Int ends at 31 bits, so clients may send it as text.
BigInt = Annotated[int, BeforeValidator(_whole), Field(ge=-_LARGEST, le=_LARGEST)]

#: A limit. Open-source storage takes zero for no limit, as it does None.
Limit = Annotated[int, Field(ge=0, le=_LARGEST)]


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as the aware datetime that open-source storage takes.

    Raises:
        InvalidInputError: if the calendar has no such moment.
    """
    if not _EARLIEST_SECONDS <= seconds <= _LATEST_SECONDS:
        raise InvalidInputError(f"{seconds} is not a moment in seconds since 1970, UTC.")
    return datetime.fromtimestamp(seconds, tz=UTC)


def optional_moment(seconds: float | None) -> datetime | None:
    """The same for an optional argument."""
    return None if seconds is None else moment(seconds)


class _HasValue(Protocol[T]):
    def value(self) -> T: ...


def value_of(given: _HasValue[T] | None) -> T | None:
    """The value of an input object; None if none was sent."""
    return None if given is None else given.value()


class TagInput(Input):
    """One tag, with its value or with several values of which it must have one."""

    key: str
    value: str | None = None
    values: list[str] | None = None

    def wanted(self) -> str | list[str]:
        """The value or values that match.

        Raises:
            InvalidInputError: if neither is given.
        """
        if self.values is not None:
            return self.values
        if self.value is None:
            raise InvalidInputError(f"The filter on the tag {self.key!r} has no value.")
        return self.value

    def single(self) -> str:
        """The one value that the tag must have.

        Raises:
            InvalidInputError: if not exactly one is given.
        """
        if self.value is None or self.values is not None:
            raise InvalidInputError(f"The filter on the tag {self.key!r} takes one value.")
        return self.value


class AssetKeyInput(Input):
    """An asset, by its path."""

    path: list[str]

    def value(self) -> AssetKey:
        """The same as a value of Dagster's."""
        return AssetKey(self.path)


class StatusCacheInput(Input):
    """The computed state of an asset's partitions."""

    latest_storage_id: BigInt
    partitions_def_id: str | None = None
    serialized_materialized_partition_subset: str | None = None
    serialized_failed_partition_subset: str | None = None
    serialized_in_progress_partition_subset: str | None = None
    earliest_in_progress_materialization_event_id: BigInt | None = None

    def value(self) -> AssetStatusCacheValue:
        """The same as a value of Dagster's."""
        return AssetStatusCacheValue(**self.model_dump())


def tags(filters: list[TagInput] | None) -> dict[str, str | list[str]] | None:
    """The tags of a filter as open-source storage takes them."""
    return None if filters is None else {tag.key: tag.wanted() for tag in filters}


class RunsFilterInput(Input):
    """A filter on runs; a field that is left out matches all."""

    run_ids: list[str] | None = None
    pipeline_name: str | None = None
    statuses: list[DagsterRunStatus] | None = None
    tags: list[TagInput] | None = None
    snapshot_id: str | None = None
    updated_after: FiniteFloat | None = None
    updated_before: FiniteFloat | None = None
    created_after: FiniteFloat | None = None
    created_before: FiniteFloat | None = None

    def value(self) -> RunsFilter:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if it can match no run.
        """
        if self.run_ids == []:
            raise InvalidInputError("The filter has an empty list of run ids: leave it out.")
        return RunsFilter(
            run_ids=self.run_ids,
            job_name=self.pipeline_name,
            statuses=self.statuses,
            tags=tags(self.tags),
            snapshot_id=self.snapshot_id,
            updated_after=optional_moment(self.updated_after),
            updated_before=optional_moment(self.updated_before),
            created_after=optional_moment(self.created_after),
            created_before=optional_moment(self.created_before),
        )


class RunBucketInput(Input):
    """A limit of runs per job, or per value of a tag."""

    bucket_type: Literal["job", "tag"]
    tag_key: str | None = None
    values: list[str]
    bucket_limit: int | None = None

    def value(self) -> JobBucket | TagBucket:
        """The same as a value of Dagster's.

        Raises:
            InvalidInputError: if it groups by a tag and does not name it.
        """
        if self.bucket_type == "job":
            return JobBucket(self.values, self.bucket_limit)
        if self.tag_key is None:
            raise InvalidInputError("A bucket by tag needs tagKey.")
        return TagBucket(self.tag_key, self.values, self.bucket_limit)


class BackfillsFilterInput(Input):
    """A filter on backfills; a field that is left out matches all."""

    statuses: list[BulkActionStatus] | None = None
    created_after: FiniteFloat | None = None
    created_before: FiniteFloat | None = None
    selector_id: str | None = None

    def value(self) -> BulkActionsFilter:
        """The same as a value of Dagster's."""
        return BulkActionsFilter(
            statuses=self.statuses,
            created_after=optional_moment(self.created_after),
            created_before=optional_moment(self.created_before),
            selector_id=self.selector_id,
        )
