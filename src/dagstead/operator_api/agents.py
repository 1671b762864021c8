"""Agents as the CLI and the UI see them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dagster_cloud.api.dagster_cloud_api import TimestampedError
from dagster_shared.check import CheckError
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import deserialize_value
from dagster_shared.serdes.errors import DeserializationError
from graphql import GraphQLResolveInfo

from dagstead.control.agents import AgentView, ShownAgent
from dagstead.model.agents import AgentKind
from dagstead.model.queues import describe_queue
from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_python_error
from dagstead.plane.agents import Heartbeat


@as_error
def agents(
    info: GraphQLResolveInfo,
    heartbeatedSince: float | None = None,  # noqa: N803 - the wire's
) -> list[Mapping[str, Any]]:
    """The agents that serve this deployment, the last seen first."""
    context = context_of(info)
    since = heartbeatedSince or 0.0
    found = context.control.agents.shown(context.actor, context.deployment)
    return [_agent(seen) for seen in found if seen.beat.received_at >= since]


@as_error
def serving_agents(info: GraphQLResolveInfo) -> list[Mapping[str, Any]]:
    """The agents of the organization as routing sees them, as far as the token may look.

    Ours alone: no official client asks for it.
    """
    context = context_of(info)
    return [_serving(agent) for agent in context.control.agents.all(context.actor)]


QUERIES: Mapping[str, Resolver] = {"agents": agents, "servingAgents": serving_agents}


def agent_type(beats: Iterable[Heartbeat]) -> str:
    """``SERVERLESS`` or ``HYBRID``, by who serves the default queue.

    It decides what the CLI builds and how long it waits: PEX files and a long wait for a pool that
    may still be starting, or images and a short one. The agent that was last seen on the default
    queue decides, even if it is silent now: a restart must not turn one kind of build into the
    other.
    """
    on_default = [beat for beat in beats if None in beat.queues]
    newest = max(on_default, key=lambda beat: beat.received_at, default=None)
    return "SERVERLESS" if newest and newest.is_pool else "HYBRID"


def _agent(seen: ShownAgent) -> Mapping[str, Any]:
    beat = seen.beat
    return {
        "id": beat.agent_id,
        "agentLabel": beat.label,
        "status": str(seen.status),
        "lastHeartbeatTime": beat.received_at,
        "metadata": [
            {"key": key, "value": _text(value)} for key, value in _metadata(beat).items() if value
        ],
        "errors": [_error(failure) for failure in beat.errors],
    }


def _serving(view: AgentView) -> Mapping[str, Any]:
    agent = view.agent
    return {
        "id": view.id,
        "label": view.label,
        "version": view.version,
        "token": view.token,
        "lastHeartbeatTime": view.last_heartbeat,
        "errorCount": view.errors,
        "servedDeployments": view.deployments,
        "name": agent.name,
        "isPool": agent.kind is AgentKind.POOL,
        "launcher": agent.launcher,
        "status": str(view.status),
        "queues": sorted(queue for queue in agent.queues if queue is not None),
        "defaultQueue": agent.serves_default_queue,
        "deployments": view.full_deployments,
        "branchDeployments": view.branch_deployments,
        "allowedFullDeploymentLocations": [
            {"deployment": name, "locations": sorted(allowed)}
            for name, allowed in (agent.allowed_full or {}).items()
        ],
        "allowedBranchDeploymentLocations": agent.allowed_branch and sorted(agent.allowed_branch),
    }


def _metadata(beat: Heartbeat) -> Mapping[str, Any]:
    queues = sorted(queue for queue in beat.queues if queue is not None)
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
    except (DeserializationError, CheckError, ValueError):
        # What an agent sent is shown as it came rather than lost.
        shown = SerializableErrorInfo(message=serialized, stack=[], cls_name=None)
        return {"timestamp": None, "error": as_python_error(shown)}
    return {"timestamp": error.timestamp, "error": as_python_error(error.error)}
