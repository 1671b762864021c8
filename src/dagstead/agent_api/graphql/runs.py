"""``runs { ... }``: runs, their tags and groups."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from dagster._core.errors import (
    DagsterRunAlreadyExists,
    DagsterRunNotFoundError,
    DagsterSnapshotDoesNotExist,
)
from dagster._core.remote_origin import RemoteJobOrigin
from dagster._core.storage.dagster_run import DagsterRun, RunRecord, RunsFilter
from dagster._core.storage.runs.base import RunStorage
from pydantic import FiniteFloat, Json

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import INTERFACES, OK, TYPENAME, Resolver, failure
from dagstead.agent_api.graphql.inputs import (
    Limit,
    RunBucketInput,
    RunsFilterInput,
    moment,
    value_of,
)
from dagstead.agent_api.serialization import pack, pack_optional, seconds, unpack
from dagstead.engine.run_launcher import AGENT_ID_TAG
from dagstead.errors import NotFoundError

#: The columns of a run record: runs can be sorted by nothing else.
OrderBy: TypeAlias = Literal[
    "id", "run_id", "status", "create_timestamp", "update_timestamp", "start_time", "end_time"
]


def run_fields() -> dict[str, Resolver]:
    """The fields of ``runs`` that are about runs themselves."""
    return {
        "addRun": add_run,
        "addHistoricalRun": add_historical_run,
        "getRuns": get_runs,
        "getRunIds": get_run_ids,
        "getRunsCount": get_runs_count,
        "getRunById": get_run_by_id,
        "hasRun": has_run,
        "getRunGroupOrError": get_run_group_or_error,
        "getRunRecords": get_run_records,
        "getRunTags": get_run_tags,
        "getRunTagKeys": get_run_tag_keys,
        "addRunTags": add_run_tags,
        "getRunPartitionData": get_run_partition_data,
        "mutateJobOrigin": mutate_job_origin,
    }


def add_run(context: AgentContext, *, serialized_pipeline_run: str) -> dict[str, Any]:
    """Store a new run."""
    run = context.new_run(unpack(serialized_pipeline_run, DagsterRun))
    try:
        _storage(context).add_run(run)
    except (DagsterRunAlreadyExists, DagsterSnapshotDoesNotExist) as error:
        return failure(error)
    return {**OK, "error": None}


def add_historical_run(
    context: AgentContext, *, serialized_pipeline_run: str, run_creation_time: FiniteFloat
) -> dict[str, Any]:
    """Store a run that was created elsewhere, at its own time."""
    run = context.new_run(unpack(serialized_pipeline_run, DagsterRun))
    created = moment(run_creation_time)
    try:
        _storage(context).add_historical_run(run, created)
    except (DagsterRunAlreadyExists, DagsterSnapshotDoesNotExist) as error:
        return failure(error)
    return {**OK, "error": None}


def get_runs(
    context: AgentContext,
    *,
    filters: RunsFilterInput | None = None,
    cursor: str | None = None,
    limit: Limit | None = None,
    bucket_by: RunBucketInput | None = None,
    ascending: bool = False,
) -> list[str]:
    """The runs that match a filter, newest first."""
    runs = _storage(context).get_runs(
        filters=value_of(filters),
        cursor=cursor,
        limit=limit,
        bucket_by=value_of(bucket_by),
        ascending=ascending,
    )
    return [pack(run) for run in runs]


def get_run_ids(
    context: AgentContext,
    *,
    filters: RunsFilterInput | None = None,
    cursor: str | None = None,
    limit: Limit | None = None,
) -> list[str]:
    """The ids of the runs that match a filter, newest first."""
    found = _storage(context).get_run_ids(filters=value_of(filters), cursor=cursor, limit=limit)
    return list(found)


def get_runs_count(context: AgentContext, *, filters: RunsFilterInput | None = None) -> int:
    """How many runs match a filter."""
    return _storage(context).get_runs_count(value_of(filters))


def get_run_by_id(context: AgentContext, *, run_id: str) -> str | None:
    """One run; None if no run has this id."""
    return pack_optional(context.instance.get_run_by_id(run_id))


def has_run(context: AgentContext, *, run_id: str) -> bool:
    """Whether a run has this id."""
    return _storage(context).has_run(run_id)


def get_run_group_or_error(context: AgentContext, *, run_id: str) -> dict[str, Any]:
    """A run with its re-executions."""
    try:
        group = _storage(context).get_run_group(run_id)
    except DagsterRunNotFoundError as error:
        return _no_run(error.invalid_run_id)
    if group is None:
        return _no_run(run_id)
    root_run_id, runs = group
    return {
        TYPENAME: "SerializedRunGroup",
        "rootRunId": root_run_id,
        "serializedRuns": [pack(run) for run in runs],
    }


def get_run_records(  # noqa: PLR0913 the arguments of the wire
    context: AgentContext,
    *,
    filters: RunsFilterInput | None = None,
    limit: Limit | None = None,
    order_by: OrderBy | None = None,
    ascending: bool = False,
    cursor: str | None = None,
    bucket_by: RunBucketInput | None = None,
) -> list[dict[str, Any]]:
    """Runs with the times that storage keeps with them."""
    wanted = value_of(filters)
    records = _storage(context).get_run_records(
        filters=wanted,
        limit=limit,
        order_by=order_by,
        ascending=ascending,
        cursor=cursor,
        bucket_by=value_of(bucket_by),
    )
    if wanted is not None and wanted == RunsFilter(run_ids=wanted.run_ids):
        # So a worker asks for its own run: in an instance, that is not getRunById in any minor. Its
        # next question comes ten seconds after the answer.
        for run_id in wanted.run_ids or ():
            context.note_asking(run_id)
    return [_record(record) for record in records]


def get_run_tags(
    context: AgentContext,
    *,
    json_tag_keys: Json[list[str]],
    value_prefix: str | None = None,
    limit: Limit | None = None,
) -> list[dict[str, Any]]:
    """The values that tags have among all runs."""
    found = _storage(context).get_run_tags(json_tag_keys, value_prefix, limit)
    return [{"key": key, "values": sorted(values)} for key, values in found]


def get_run_tag_keys(context: AgentContext) -> list[str]:
    """The keys that tags have among all runs."""
    return list(_storage(context).get_run_tag_keys())


def add_run_tags(
    context: AgentContext, *, run_id: str, json_new_tags: Json[dict[str, str]]
) -> dict[str, bool]:
    """Add tags to a run; an agent adds its own to say that it begins the run now."""
    storage = context.instance_for_runs(run_id).run_storage
    agent_id = json_new_tags.get(AGENT_ID_TAG)
    if agent_id:
        context.begin_launch(run_id, agent_id)
    storage.add_run_tags(run_id, json_new_tags)
    return OK


def get_run_partition_data(context: AgentContext, *, runs_filter: RunsFilterInput) -> list[str]:
    """The latest run per partition among those that match the filter."""
    return [pack(data) for data in _storage(context).get_run_partition_data(runs_filter.value())]


def mutate_job_origin(
    context: AgentContext, *, run_id: str, serialized_job_origin: str
) -> dict[str, bool]:
    """Change where a run's job comes from, after its location was renamed or moved."""
    origin = unpack(serialized_job_origin, RemoteJobOrigin)
    instance = context.instance_for_runs(run_id)
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise NotFoundError(f"There is no run {run_id!r} in this deployment.")
    context.instance_for_locations(origin.location_name)
    instance.run_storage.replace_job_origin(run, origin)
    return OK


def _storage(context: AgentContext) -> RunStorage[Any]:
    return context.instance.run_storage


def _no_run(run_id: str | None) -> dict[str, Any]:
    return {
        TYPENAME: "RunNotFoundError",
        INTERFACES: ("PipelineRunNotFoundError",),
        "runId": run_id,
        "message": f"There is no run {run_id!r} in this deployment.",
    }


def _record(record: RunRecord) -> dict[str, Any]:
    return {
        TYPENAME: "RunRecord",
        "storageId": record.storage_id,
        "serializedPipelineRun": pack(record.dagster_run),
        "createTimestamp": seconds(record.create_timestamp),
        "updateTimestamp": seconds(record.update_timestamp),
        "startTime": record.start_time,
        "endTime": record.end_time,
    }
