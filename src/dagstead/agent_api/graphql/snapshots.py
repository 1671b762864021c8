"""``runs { ... }``: the snapshots of jobs and of execution plans."""

from __future__ import annotations

from typing import Any

from dagster._core.snap import ExecutionPlanSnapshot, JobSnap
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.runs.sql_run_storage import SnapshotType, SqlRunStorage
from dagster_shared.serdes.utils import create_snapshot_id, hash_str

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import OK, Resolver
from dagstead.agent_api.serialization import pack_optional, unpack
from dagstead.errors import InvalidInputError


def snapshot_fields() -> dict[str, Resolver]:
    """The fields of ``runs`` that are about snapshots."""
    return {
        "hasPipelineSnapshot": has_pipeline_snapshot,
        "getPipelineSnapshot": get_pipeline_snapshot,
        "addPipelineSnapshot": add_pipeline_snapshot,
        "hasExecutionPlanSnapshot": has_execution_plan_snapshot,
        "getExecutionPlanSnapshot": get_execution_plan_snapshot,
        "addExecutionPlanSnapshot": add_execution_plan_snapshot,
    }


def has_pipeline_snapshot(context: AgentContext, *, pipeline_snapshot_id: str) -> bool:
    """Whether the snapshot of a job is stored."""
    return _storage(context).has_job_snapshot(pipeline_snapshot_id)


def get_pipeline_snapshot(context: AgentContext, *, pipeline_snapshot_id: str) -> str | None:
    """The snapshot of a job; None if nothing is stored under this id."""
    return pack_optional(_storage(context).get_job_snapshot(pipeline_snapshot_id))


def add_pipeline_snapshot(
    context: AgentContext, *, serialized_pipeline_snapshot: str, snapshot_id: str | None = None
) -> dict[str, Any]:
    """Store the snapshot of a job under the id that the caller will use."""
    snapshot = unpack(serialized_pipeline_snapshot, JobSnap)
    storage = _storage(context)
    wanted = _checked_id(snapshot_id, serialized_pipeline_snapshot, snapshot)
    stored = storage.add_job_snapshot(snapshot)
    _add_under(storage, wanted, stored, snapshot, SnapshotType.PIPELINE)
    return {**OK, "snapshotId": wanted}


def has_execution_plan_snapshot(context: AgentContext, *, execution_plan_snapshot_id: str) -> bool:
    """Whether the snapshot of an execution plan is stored."""
    return _storage(context).has_execution_plan_snapshot(execution_plan_snapshot_id)


def get_execution_plan_snapshot(
    context: AgentContext, *, execution_plan_snapshot_id: str
) -> str | None:
    """The snapshot of an execution plan; None if nothing is stored under this id."""
    return pack_optional(_storage(context).get_execution_plan_snapshot(execution_plan_snapshot_id))


def add_execution_plan_snapshot(
    context: AgentContext,
    *,
    serialized_execution_plan_snapshot: str,
    snapshot_id: str | None = None,
) -> dict[str, Any]:
    """Store the snapshot of an execution plan, and say under which id."""
    snapshot = unpack(serialized_execution_plan_snapshot, ExecutionPlanSnapshot)
    storage = _storage(context)
    wanted = _checked_id(snapshot_id, serialized_execution_plan_snapshot, snapshot)
    stored = storage.add_execution_plan_snapshot(snapshot)
    _add_under(storage, wanted, stored, snapshot, SnapshotType.EXECUTION_PLAN)
    return {**OK, "snapshotId": wanted}


def _storage(context: AgentContext) -> RunStorage[Any]:
    return context.instance.run_storage


def _checked_id(wanted: str | None, text: str, snapshot: JobSnap | ExecutionPlanSnapshot) -> str:
    """The id that the caller computes, which is the hash of the text it sent.

    An agent of another minor may know other fields of a snapshot, so the same snapshot has another
    text, and another id, here. No third id may be given: whoever asks for an id takes what is
    stored under it for what has this hash.

    Raises:
        InvalidInputError: for any other id.
    """
    at_caller = hash_str(text)
    if wanted is None or wanted == at_caller:
        return at_caller
    if wanted == create_snapshot_id(snapshot):
        return wanted
    msg = (
        f"The snapshot has the id {at_caller}, and was to be stored as {wanted[:60]!r}. Nothing "
        "was stored."
    )
    raise InvalidInputError(msg)


def _add_under(
    storage: RunStorage[Any],
    wanted: str,
    stored: str,
    snapshot: JobSnap | ExecutionPlanSnapshot,
    kind: SnapshotType,
) -> None:
    if wanted != stored and isinstance(storage, SqlRunStorage):
        storage._add_snapshot(wanted, snapshot, kind)  # noqa: SLF001 there is no public way
