"""Agents as the CLI and the UI see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dagster._utils.error import SerializableErrorInfo
from dagster_cloud.api.dagster_cloud_api import TimestampedError
from dagster_graphql.schema.errors import GraphenePythonError
from dagster_shared.serdes import deserialize_value
from dagster_shared.serdes.errors import DeserializationError
from graphql import GraphQLResolveInfo

from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error
from dagstead.plane.agents import Heartbeat
from dagstead.plane.tokens import describe_queue


@as_error
def agents(
    info: GraphQLResolveInfo,
    heartbeatedSince: float | None = None,  # noqa: N803 - the wire's
) -> list[Mapping[str, Any]]:
    """The agents that were heard of for this deployment, the newest first."""
    context = context_of(info)
    since = heartbeatedSince or 0.0
    now = context.store.clock()
    beats = context.store.agents.of(context.deployment.name)
    return [_agent(beat, now) for beat in beats if beat.received_at >= since]


QUERIES: Mapping[str, Resolver] = {"agents": agents}


def agent_type(beats: Iterable[Heartbeat]) -> str:
    """``SERVERLESS`` or ``HYBRID``, by who serves the default queue.

    The CLI builds and waits by it: PEX files and a long wait for a pool that may still be starting,
    or images and a short one. The agent that was last heard of on the default queue decides, also
    when it is silent now: a restart must not turn one kind of build into the other.
    """
    on_default = [beat for beat in beats if None in beat.queues]
    newest = max(on_default, key=lambda beat: beat.received_at, default=None)
    return "SERVERLESS" if newest and newest.is_pool else "HYBRID"


def _agent(beat: Heartbeat, now: float) -> Mapping[str, Any]:
    return {
        "id": beat.agent_id,
        "agentLabel": beat.label,
        "status": str(beat.status(now)),
        "lastHeartbeatTime": beat.received_at,
        "metadata": [
            {"key": key, "value": _text(value)} for key, value in _metadata(beat).items() if value
        ],
        "errors": [_error(each) for each in beat.errors],
    }


def _metadata(beat: Heartbeat) -> Mapping[str, Any]:
    queues = sorted((queue for queue in beat.queues if queue is not None))
    named = [*queues, *([describe_queue(None)] if None in beat.queues else [])]
    return {
        **beat.metadata,
        "type": beat.type,
        "version": beat.version,
        "queues": ", ".join(named),
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _error(serialized: str) -> Mapping[str, Any]:
    try:
        error = deserialize_value(serialized, TimestampedError)
    except DeserializationError:
        # What an agent sent is shown as it came rather than lost.
        shown = SerializableErrorInfo(message=serialized, stack=[], cls_name=None)
        return {"timestamp": None, "error": GraphenePythonError(shown)}
    return {"timestamp": error.timestamp, "error": GraphenePythonError(error.error)}
