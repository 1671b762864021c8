"""``agents`` and ``userCloudAgent { … }``: heartbeats in, requests out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import AgentHeartbeat
from dagster_cloud.execution.monitoring import CloudCodeServerHeartbeat
from pydantic import BaseModel, ConfigDict, NonNegativeInt
from pydantic.alias_generators import to_camel

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.serialization import unpack
from dagstead.agent_api.services import Caller
from dagstead.control.agents import AgentReport
from dagstead.control.requests import Poll
from dagstead.engine.load_errors import one_line
from dagstead.errors import DeploymentNotFoundError, ForbiddenError
from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.requests import DEFAULT_POP_LIMIT, Request

logger = logging.getLogger(__name__)


class HeartbeatInput(BaseModel):
    """``AgentHeartbeatInput`` of the wire."""

    model_config = ConfigDict(alias_generator=to_camel)

    deployment_name: str
    serialized_agent_heartbeat: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Resolvers about agents.

    Heartbeats do not say whether an agent takes branch deployments, but its polls do. The newest
    poll of every token is remembered until the heartbeat that follows it.
    """

    takes_branches: dict[int, bool] = field(default_factory=dict)

    def roots(self) -> dict[str, Namespace | Resolver]:
        """The root fields of this module."""
        return {
            "agents": list_agents,
            "userCloudAgent": Namespace(
                "UserCloudAgent",
                {
                    "popUserCloudAgentRequests": self.pop,
                    "addAgentHeartbeats": self.add_heartbeats,
                },
            ),
        }

    def pop(
        self,
        context: AgentContext,
        *,
        limit: NonNegativeInt | None = None,
        for_branch_deployments: bool = False,
        for_full_deployments: Sequence[str] = (),
        agent_queues: Sequence[str | None] = (None,),
    ) -> list[dict[str, Any]]:
        """Lease waiting requests to this agent, as far as its token grants them.

        A poll that gets nothing is held open for a while.
        """
        caller = context.caller
        self.takes_branches[caller.token.id] = for_branch_deployments
        poll = Poll(
            full_deployments=for_full_deployments,
            branch_deployments=for_branch_deployments,
            queues=agent_queues,
            limit=limit or DEFAULT_POP_LIMIT,
        )
        taken = caller.control.requests.take(caller.actor, poll)
        if not taken:
            context.held.append(caller.control.requests.hold(caller.actor, poll))
        return [_request(request) for request in taken]

    def add_heartbeats(
        self,
        context: AgentContext,
        *,
        serialized_agent_heartbeats: Sequence[HeartbeatInput] = (),
        serialized_errors: Sequence[str] = (),
    ) -> dict[str, bool]:
        """Keep the newest heartbeat of this agent for every deployment."""
        caller = context.caller
        takes_branches = self.takes_branches.get(caller.token.id, False)
        reports = [
            _report(caller, sent, serialized_errors, takes_branches=takes_branches)
            for sent in serialized_agent_heartbeats
        ]
        caller.control.agents.record(caller.actor, reports)
        return {"ok": True}


def list_agents(
    context: AgentContext, *, heartbeated_since: float | None = None
) -> list[dict[str, Any]]:
    """The agents of the caller's deployments that have sent a heartbeat since then.

    Those of other queues are among them: in a cluster or on a Docker host that they share, an
    official agent removes the code servers of agents that are not listed. Who knows an id can do
    nothing with it, as the token counts.

    An agent asks by its own clock, which may be wrong: whoever is alive is listed all the same.
    """
    caller = context.caller
    now = caller.control.clock()
    if heartbeated_since is not None:
        heartbeated_since = min(heartbeated_since, now - ALIVE_SECONDS)
    newest: dict[str, Heartbeat] = {}
    for beat in caller.control.agents.granted(caller.actor):
        if heartbeated_since is None or beat.received_at >= heartbeated_since:
            newest.setdefault(beat.agent_id, beat)
    return [{"id": agent_id, "status": str(beat.status(now))} for agent_id, beat in newest.items()]


def _report(
    caller: Caller, sent: HeartbeatInput, errors: Sequence[str], *, takes_branches: bool
) -> AgentReport:
    beat = unpack(sent.serialized_agent_heartbeat, AgentHeartbeat)
    return AgentReport(
        agent_id=beat.agent_id,
        deployment=sent.deployment_name,
        label=beat.agent_label,
        type=beat.agent_type,
        version=beat.metadata.get("version"),
        queues=frozenset(beat.agent_queues_config.queues),
        branch_deployments=takes_branches,
        metadata=beat.metadata,
        run_worker_statuses=(
            serialize_value(beat.run_worker_statuses) if beat.run_worker_statuses else None
        ),
        errors=tuple(errors),
        servers=tuple(
            _server(caller, sent.deployment_name, each) for each in beat.code_server_heartbeats
        ),
    )


def _server(caller: Caller, deployment: str, sent: CloudCodeServerHeartbeat) -> ServerReport:
    location = sent.location_name
    error = None if sent.error is None else one_line(sent.error)
    if error is not None:
        # A deployment that is gone, or not granted, is for the act to judge.
        with suppress(DeploymentNotFoundError, ForbiddenError):
            found = caller.control.deployments.named(caller.actor, deployment)
            secrets = caller.control.secrets
            error = secrets.mask(caller.actor, found, location, error, caller.services.secrets)
    return ServerReport(location=location, state=ServerState(sent.server_status.value), error=error)


def _request(request: Request) -> dict[str, Any]:
    return {
        "requestId": request.id,
        "requestApi": request.api,
        "requestBody": request.body,
        "deploymentName": request.deployment,
        "isBranchDeployment": request.is_branch,
    }
