"""Terminating a run in every state, with a true answer.

Open-source Dagster refuses to terminate a run that is starting, as its launchers cannot; ours can.
It says only "Unable to terminate" when a launcher could not; we say why, and when the run ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, cast

from dagster import DagsterRunStatus
from dagster._core.workspace.permissions import Permissions
from dagster_graphql.implementation.utils import has_permission_for_run
from dagster_graphql.schema.pipelines.pipeline import GrapheneRun
from dagster_graphql.schema.roots.mutation import (
    GrapheneTerminateRunFailure,
    GrapheneTerminateRunPolicy,
    GrapheneTerminateRunsResult,
    GrapheneTerminateRunSuccess,
)
from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver

_AT_ONCE = GrapheneTerminateRunPolicy.MARK_AS_CANCELED_IMMEDIATELY


def in_every_state(terminate: Resolver) -> Resolver:
    """Wrap the open-source ``terminateRun`` and ``terminateRuns``."""

    async def resolve(root: object, info: GraphQLResolveInfo, **arguments: Any) -> object:
        ids = arguments.get("runIds") or [arguments.get("runId")]
        if arguments.get("terminatePolicy") == _AT_ONCE:
            for run_id in ids:
                # It is marked as canceled in any case, and its worker is to end, too.
                _terminate_starting(info, run_id)
            return await _awaited(terminate(root, info, **arguments))
        result = await _awaited(terminate(root, info, **arguments))
        if not isinstance(result, GrapheneTerminateRunsResult):
            return _corrected(info, ids[0], result)
        each = zip(ids, cast("Any", result).terminateRunResults, strict=True)
        return GrapheneTerminateRunsResult(
            terminateRunResults=[_corrected(info, run_id, answer) for run_id, answer in each]
        )

    return resolve


WRAPPED_MUTATIONS: Mapping[str, Callable[[Resolver], Resolver]] = {
    "terminatePipelineExecution": in_every_state,
    "terminateRun": in_every_state,
    "terminateRuns": in_every_state,
}


def _corrected(info: GraphQLResolveInfo, run_id: str, answer: object) -> object:
    """The answer about one run, after a daemon may have taken it from the run queue meanwhile."""
    if not isinstance(answer, GrapheneTerminateRunFailure):
        return answer
    return _terminate_starting(info, run_id) or _explained(info, answer)


def _terminate_starting(info: GraphQLResolveInfo, run_id: str) -> object | None:
    """Terminate a run that is starting; ``None`` for all others, and for who may not."""
    instance = context_of(info).instance
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not DagsterRunStatus.STARTING:
        return None
    if not has_permission_for_run(cast("Any", info), Permissions.TERMINATE_PIPELINE_EXECUTION, run):
        return None
    is_carried_out = instance.run_launcher.terminate(run_id)
    record = instance.get_run_record_by_id(run_id)
    shown = None if record is None else GrapheneRun(record)
    if is_carried_out:
        return GrapheneTerminateRunSuccess(run=shown)
    return _explained(info, GrapheneTerminateRunFailure(run=shown, message=f"Run {run_id} ended."))


def _explained(info: GraphQLResolveInfo, result: object) -> object:
    """A failure with its reason, where nobody can carry out the termination."""
    if not isinstance(result, GrapheneTerminateRunFailure):
        return result
    context = context_of(info)
    failure = cast("Any", result)
    launches = context.control.launches
    launch = launches.newest(context.actor, context.deployment, failure.run.run_id)
    if launch is None or not launch.is_open or launch.stop is None:
        return result
    reason = launches.why_out_of_reach(context.actor, context.deployment, launch)
    if reason is None:
        return result
    return GrapheneTerminateRunFailure(
        run=failure.run, message=f"{reason} Its log says when the run ends."
    )


async def _awaited(value: object) -> object:
    return await cast("Awaitable[object]", value) if isawaitable(value) else value
