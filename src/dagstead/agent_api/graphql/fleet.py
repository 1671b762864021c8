"""``agents`` and ``userCloudAgent { … }``: heartbeats in, requests out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import AgentHeartbeat
from pydantic import BaseModel, ConfigDict, NonNegativeInt
from pydantic.alias_generators import to_camel

from dagstead.agent_api.graphql.agent_context import AgentContext
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.graphql.packing import unpack
from dagstead.agent_api.services import Caller
from dagstead.engine.redelivery import Housekeeping
from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queue
from dagstead.plane.agents import Heartbeat
from dagstead.plane.requests import DEFAULT_POP_LIMIT, LAUNCH_RUN, Claim, Request

logger = logging.getLogger(__name__)


class HeartbeatInput(BaseModel):
    """``AgentHeartbeatInput`` of the wire."""

    model_config = ConfigDict(alias_generator=to_camel)

    deployment_name: str
    serialized_agent_heartbeat: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Resolvers about agents.

    Heartbeats do not tell whether an agent takes branch deployments; its polls do. The newest
    poll of each token is remembered until the heartbeat that follows it.
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
        """Lease waiting requests to this agent, as far as its token grants them."""
        caller = context.caller
        self.takes_branches[caller.token.id] = for_branch_deployments
        claim = Claim(
            token_id=caller.token.id,
            deployments=frozenset(
                name
                for name in for_full_deployments
                if caller.token.grants_deployment(name, is_branch=False)
            ),
            branch_deployments=for_branch_deployments and caller.token.branch_deployments,
            queues=granted_queues(caller, agent_queues),
            limit=limit or DEFAULT_POP_LIMIT,
        )
        popped = caller.services.store.requests.pop(claim)
        return [_request(request) for request in popped if _is_wanted(caller, request)]

    def add_heartbeats(
        self,
        context: AgentContext,
        *,
        serialized_agent_heartbeats: Sequence[HeartbeatInput] = (),
        serialized_errors: Sequence[str] = (),
    ) -> dict[str, bool]:
        """Keep the newest heartbeat of this agent for each deployment."""
        caller = context.caller
        known = {each.name: each for each in caller.services.store.deployments.all()}
        beats = [
            self._heartbeat(caller, sent, serialized_errors)
            for sent in serialized_agent_heartbeats
            if sent.deployment_name in known
            and caller.token.grants_deployment(
                sent.deployment_name, is_branch=known[sent.deployment_name].is_branch
            )
        ]
        caller.services.store.agents.record(beats)
        return {"ok": True}

    def _heartbeat(self, caller: Caller, sent: HeartbeatInput, errors: Sequence[str]) -> Heartbeat:
        beat = unpack(sent.serialized_agent_heartbeat, AgentHeartbeat)
        now = caller.services.store.clock()
        claimed = frozenset(beat.agent_queues_config.queues)
        granted = caller.token.cut_queues(claimed)
        metadata: dict[str, Any] = dict(beat.metadata)
        if claimed - granted:
            metadata["refused_queues"] = sorted(map(describe_queue, claimed - granted))
        return Heartbeat(
            agent_id=beat.agent_id,
            deployment=sent.deployment_name,
            token_id=caller.token.id,
            received_at=now,
            first_received_at=now,
            label=beat.agent_label,
            type=beat.agent_type,
            version=beat.metadata.get("version"),
            queues=granted,
            branch_deployments=self.takes_branches.get(caller.token.id, False)
            and caller.token.branch_deployments,
            metadata=metadata,
            run_worker_statuses=(
                serialize_value(beat.run_worker_statuses) if beat.run_worker_statuses else None
            ),
            errors=tuple(errors),
        )


def list_agents(
    context: AgentContext, *, heartbeated_since: float | None = None
) -> list[dict[str, Any]]:
    """The agents that were heard of since then, each once."""
    store = context.caller.services.store
    now = store.clock()
    found = {beat.agent_id: beat for beat in store.agents.all(since=heartbeated_since)}
    return [{"id": beat.agent_id, "status": str(beat.status(now))} for beat in found.values()]


def granted_queues(caller: Caller, claimed: Sequence[str | None]) -> frozenset[str | None]:
    """The claimed queues that the token grants.

    Raises:
        ForbiddenError: when none is left, with the sentence for the agent's log.
    """
    granted = caller.token.cut_queues(claimed)
    if claimed and not granted:
        asked = ", ".join(describe_queue(queue) for queue in claimed)
        msg = (
            f"Agent token {caller.token.name!r} may not serve: {asked}. It may serve: "
            f"{caller.token.describe_queues()}. Change agent_queues in the agent's dagster.yaml, "
            "or create a token that may with `dagstead token create --kind agent --queue …`."
        )
        raise ForbiddenError(msg)
    return granted


def _is_wanted(caller: Caller, request: Request) -> bool:
    if request.api != LAUNCH_RUN:
        return True
    if Housekeeping(caller.services.instances).is_wanted(request):
        return True
    # Its run was ended while it waited: starting it now would surprise everybody.
    caller.services.store.requests.expire(request.deployment, [request.id])
    return False


def _request(request: Request) -> dict[str, Any]:
    return {
        "requestId": request.id,
        "requestApi": request.api,
        "requestBody": request.body,
        "deploymentName": request.deployment,
        "isBranchDeployment": request.is_branch,
    }
