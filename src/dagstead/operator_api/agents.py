"""Agents as the CLI and the UI see them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from dagster_cloud.api.dagster_cloud_api import TimestampedError
from dagster_shared.check import CheckError
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import deserialize_value
from dagster_shared.serdes.errors import DeserializationError
from graphql import GraphQLResolveInfo

from dagstead.model.agents import AgentKind
from dagstead.model.queues import describe_queue
from dagstead.operator_api.context import context_of, grants
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_python_error
from dagstead.plane.agents import Heartbeat, as_agent, of_deployment
from dagstead.plane.deployments import Deployment
from dagstead.store.all import Store


@as_error
def agents(
    info: GraphQLResolveInfo,
    heartbeatedSince: float | None = None,  # noqa: N803 - the wire's
) -> list[Mapping[str, Any]]:
    """The agents that serve this deployment, the last heard of first."""
    context = context_of(info)
    since = heartbeatedSince or 0.0
    now = context.store.clock()
    beats = heartbeats(context.store, context.deployment)
    return [_agent(beat, now) for beat in beats if beat.received_at >= since]


@as_error
def serving_agents(info: GraphQLResolveInfo) -> list[Mapping[str, Any]]:
    """The agents of the organization as routing sees them, as far as the token may look.

    Ours alone: no official client asks for it.
    """
    context = context_of(info)
    now = context.store.clock()
    deployments = {each.name: each for each in context.store.deployments.all()}
    beats: dict[str, list[Heartbeat]] = defaultdict(list)
    for beat in context.store.agents.all():
        deployment = deployments.get(beat.deployment)
        if deployment is not None and grants(context, deployment):
            beats[beat.agent_id].append(beat)
    full = {name for name, each in deployments.items() if not each.is_branch}
    return [_serving(of_agent, full, now) for of_agent in beats.values()]


QUERIES: Mapping[str, Resolver] = {"agents": agents, "servingAgents": serving_agents}


def heartbeats(store: Store, deployment: Deployment) -> list[Heartbeat]:
    """One heartbeat of each agent that serves a deployment, also of those that are silent now."""
    return of_deployment(store.agents.all(), deployment.name, is_branch=deployment.is_branch)


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


def _serving(beats: Sequence[Heartbeat], full: Collection[str], now: float) -> Mapping[str, Any]:
    """One agent by its heartbeats for all deployments, the newest first."""
    newest = as_agent(beats[0], is_branch=False)
    alive = [each for each in beats if each.is_alive(now)] or beats[:1]
    return {
        "name": newest.name,
        "isPool": newest.kind is AgentKind.POOL,
        "launcher": newest.launcher,
        "status": str(beats[0].status(now)),
        "queues": sorted(queue for queue in newest.queues if queue is not None),
        "defaultQueue": newest.serves_default_queue,
        "deployments": sorted({each.deployment for each in alive} & set(full)),
        "branchDeployments": any(
            each.branch_deployments or each.deployment not in full for each in alive
        ),
        "allowedFullDeploymentLocations": [
            {"deployment": name, "locations": sorted(allowed)}
            for name, allowed in (newest.allowed_full or {}).items()
        ],
        "allowedBranchDeploymentLocations": newest.allowed_branch and sorted(newest.allowed_branch),
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
