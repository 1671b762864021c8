"""Routes for programs: JSON whose keys stay."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from typing import Any

from dagstead.model.agents import Agent
from dagstead.model.source import Position
from dagstead.routing.remarks import Remark
from dagstead.routing.routes import Refusal, Route, State
from dagstead.routing.wording import describe_refusal

_SERVED = {State.SERVED: True, State.UNSERVED: False, State.UNKNOWN: None}


def as_json(
    routes: Sequence[Route], agents: Sequence[Agent], remarks: Sequence[Remark], *, prefix: str = ""
) -> str:
    """An object with ``agents``, ``routes`` and ``findings``.

    The default queue is ``null``; ``deployment`` is ``null`` for branch deployments; ``served`` is
    ``null`` where that is unknown; ``prefix`` is put before the paths of files.
    """
    document = {
        "agents": [_agent(each, prefix) for each in agents],
        "routes": [as_mapping(each, prefix=prefix) for each in routes],
        "findings": [_remark(each, prefix) for each in remarks],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_mapping(route: Route, *, prefix: str = "") -> dict[str, Any]:
    """One route."""
    location, target = route.location, route.target
    return {
        "location": location.name,
        "kind": None if location.kind is None else str(location.kind),
        "queue": location.queue,
        "deployment": None if target.is_branch else target.deployment,
        "branch_deployments": target.is_branch,
        "served": _SERVED[route.state],
        "state": str(route.state),
        "agents": [each.name for each in route.agents],
        "possible_agents": [each.name for each in route.possible],
        "refusals": [_refusal(each, route) for each in route.refusals],
        **_place(location.position, prefix),
    }


def _refusal(refusal: Refusal, route: Route) -> dict[str, Any]:
    return {
        "agent": refusal.agent.name,
        "reasons": [str(each) for each in refusal.reasons],
        "because": describe_refusal(refusal, route),
    }


def _agent(agent: Agent, prefix: str) -> dict[str, Any]:
    named = sorted(each for each in agent.queues if each is not None)
    full = agent.allowed_full
    return {
        "name": agent.name,
        "kind": str(agent.kind),
        "launcher": agent.launcher,
        "queues": [*named, *([None] if None in agent.queues else [])],
        "deployments": None if agent.deployments is None else sorted(agent.deployments),
        "branch_deployments": agent.branch_deployments,
        "allowed_full_deployment_locations": None
        if full is None
        else {each: sorted(names) for each, names in full.items()},
        "allowed_branch_deployment_locations": None
        if agent.allowed_branch is None
        else sorted(agent.allowed_branch),
        "unknown": sorted(agent.unknown),
        "starts": agent.starts,
        "assumed": agent.is_assumed,
        **_place(agent.position, prefix),
    }


def _remark(remark: Remark, prefix: str) -> dict[str, Any]:
    return {
        "name": remark.name,
        "code": remark.code,
        "severity": str(remark.weight),
        "message": remark.message,
        "advice": remark.advice or None,
        "locations": list(remark.locations),
        **_place(remark.position, prefix),
        "more_places": [_place(each, prefix) for each in remark.more],
        "steps": [each.command for each in remark.steps],
    }


def _place(position: Position | None, prefix: str) -> dict[str, Any]:
    if position is None:
        return {"file": None, "line": None, "column": None}
    return {
        "file": posixpath.normpath(prefix + position.file),
        "line": position.line,
        "column": position.column,
    }
