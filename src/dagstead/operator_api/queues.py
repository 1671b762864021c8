"""Queues as objects, for our own command line and for pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.queue_views import QueueView, Waiting
from dagstead.plane.queues import Fallback, FallbackKind, QueueChange

#: The names of a change, on the wire and here.
_NAMES: Mapping[str, str] = {
    "owner": "owner",
    "description": "description",
    "limit": "limit",
    "priority": "priority",
    "longestWaitSeconds": "longest_wait_seconds",
    "branchDeployments": "branch_deployments",
    "fallback": "fallback",
}
#: What null stands for, where a queue cannot be without.
_DEFAULTS: Mapping[str, Any] = {
    "priority": 0,
    "branchDeployments": True,
    "fallback": {"kind": FallbackKind.WAIT},
}


@as_error
def queues(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """Every queue that the token may see."""
    context = context_of(info)
    return [_view(each) for each in context.control.queues.all(context.actor)]


@as_error
def queue(info: GraphQLResolveInfo, name: str | None = None) -> Mapping[str, Any]:
    """One of them."""
    context = context_of(info)
    return _view(context.control.queues.get(context.actor, name))


@as_error
def set_queue(
    info: GraphQLResolveInfo, change: Mapping[str, Any], name: str | None = None
) -> Mapping[str, Any]:
    """Change it."""
    context = context_of(info)
    context.control.queues.set(context.actor, name, _change(change))
    return _view(context.control.queues.get(context.actor, name))


@as_error
def pause_queue(
    info: GraphQLResolveInfo,
    name: str | None = None,
    note: str | None = None,
    until: float | None = None,
) -> Mapping[str, Any]:
    """Pause it."""
    context = context_of(info)
    context.control.queues.pause(context.actor, name, note, until)
    return _view(context.control.queues.get(context.actor, name))


@as_error
def resume_queue(info: GraphQLResolveInfo, name: str | None = None) -> bool:
    """End its pause; whether there was one."""
    context = context_of(info)
    return context.control.queues.resume(context.actor, name)


@as_error
def remove_queue(info: GraphQLResolveInfo, name: str | None = None) -> bool:
    """Forget what was said of it."""
    context = context_of(info)
    context.control.queues.remove(context.actor, name)
    return True


QUERIES: Mapping[str, Resolver] = {"queue": queue, "queues": queues}
MUTATIONS: Mapping[str, Resolver] = {
    "pauseQueue": pause_queue,
    "removeQueue": remove_queue,
    "resumeQueue": resume_queue,
    "setQueue": set_queue,
}


def _change(given: Mapping[str, Any]) -> QueueChange:
    filled = {
        name: _DEFAULTS.get(name) if value is None else value for name, value in given.items()
    }
    values: dict[str, Any] = {_NAMES[name]: value for name, value in filled.items()}
    if "fallback" in values:
        fallback = values["fallback"]
        values["fallback"] = Fallback(
            kind=FallbackKind(fallback["kind"]), queue=fallback.get("queue")
        )
    return QueueChange(**values)


def _view(view: QueueView) -> Mapping[str, Any]:
    queue, pause = view.queue, view.pause
    return {
        **{wire: getattr(queue, name) for wire, name in _NAMES.items()},
        "name": queue.name,
        "fallback": {"kind": str(queue.fallback.kind), "queue": queue.fallback.queue},
        "pause": None
        if pause is None
        else {"by": pause.by, "since": pause.since, "note": pause.note, "until": pause.until},
        "createdAt": queue.created_at,
        "createdBy": queue.created_by,
        "at": view.at,
        "agents": [
            {
                "id": each.id,
                "label": each.label,
                "type": each.type,
                "isPool": each.is_pool,
                "version": each.version,
                "deploymentNames": each.deployments,
            }
            for each in view.agents
        ],
        "unservedSince": view.unserved_since,
        "locations": [
            {
                "deploymentName": each.deployment,
                "locationName": each.location,
                "since": each.since,
            }
            for each in view.locations
        ],
        "tokens": view.tokens,
        "requests": _waiting(view.requests),
        "runs": _waiting(view.runs),
        "running": view.running,
        "holders": [
            {"deploymentName": each.deployment, "runId": each.run_id, "since": each.since}
            for each in view.holders
        ],
        "dispatched": view.dispatched,
    }


def _waiting(waiting: Waiting) -> Mapping[str, Any]:
    return {"count": waiting.count, "oldestAt": waiting.oldest_at}
