"""Why something waits or does not work, for our own command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.reasons import Reason


@as_error
def why(
    info: GraphQLResolveInfo,
    name: str,
    deploymentName: str | None = None,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Why one thing waits."""
    context = context_of(info)
    control = context.control
    place = None
    if deploymentName is not None:
        place = control.deployments.named(context.actor, deploymentName)
    found = control.reasons.why(context.actor, name, place)
    subject = found.subject
    return {
        "kind": str(subject.kind),
        "id": subject.id,
        "deploymentName": subject.deployment,
        "locationName": subject.location,
        "queue": subject.queue,
        "reason": _reason(found.reason),
    }


@as_error
def waiting_runs(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """Every run that has not started, and why."""
    context = context_of(info)
    found = context.control.reasons.waiting_runs(context.actor)
    return {
        "total": found.total,
        "rows": [
            {
                "runId": row.run_id,
                "deploymentName": row.deployment,
                "locationName": row.location,
                "queue": row.queue,
                "since": row.since,
                "reason": _reason(row.reason),
            }
            for row in found.rows
        ],
    }


@as_error
def refused_callers(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """Who was turned away."""
    context = context_of(info)
    return [
        {
            "kind": str(caller.kind),
            "name": caller.name,
            "address": caller.address,
            "reason": caller.reason,
            "firstAt": caller.first_at,
            "lastAt": caller.last_at,
            "times": caller.times,
            "mend": caller.mend.says,
            "command": caller.mend.command,
        }
        for caller in context.control.callers.refused(context.actor)
    ]


def _reason(reason: Reason) -> Mapping[str, Any]:
    mend = reason.mend
    return {
        "code": str(reason.code),
        "says": reason.says,
        "since": reason.since,
        "about": reason.about,
        "chain": [
            {"code": str(step.code), "says": step.says, "since": step.since}
            for step in reason.chain
        ],
        "mend": None if mend is None else mend.says,
        "command": None if mend is None else mend.command,
    }


QUERIES: Mapping[str, Resolver] = {
    "refusedCallers": refused_callers,
    "waitingRuns": waiting_runs,
    "why": why,
}
