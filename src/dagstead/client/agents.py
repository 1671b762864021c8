"""The agents of a control plane, as routing sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection
from dagstead.errors import RefusedError, UnreachableError
from dagstead.model.agents import Agent, AgentKind
from dagstead.repository.agents.scan import AgentScan
from dagstead.routing.remarks import Remark, Weight

_QUERY = """
query ServingAgents {
  servingAgents {
    name isPool launcher status queues defaultQueue deployments branchDeployments
    allowedFullDeploymentLocations { deployment locations }
    allowedBranchDeploymentLocations
  }
}
"""
_LIST = """
query Agents {
  result: servingAgents {
    id label status queues defaultQueue servedDeployments version launcher token
    lastHeartbeatTime errorCount
  }
}
"""
_FORGET = "mutation ($id: String!) { result: forgetAgent(id: $id) }"
_RUNNING = "RUNNING"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveAgents:
    """Who is heard of."""

    running: tuple[Agent, ...]
    #: Agents that were heard of, and are silent.
    silent: tuple[Agent, ...]

    def as_scan(self) -> AgentScan:
        """The agents that run, with a note about every other one."""
        notes = (
            Remark(
                name="silent-agent",
                weight=Weight.NOTE,
                message=f"{each.name} serves {each.described_queues} and is not heard of any more",
                advice="Look at the agent's log if it should be running",
            )
            for each in self.silent
        )
        return AgentScan(agents=self.running, remarks=tuple(notes))


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedAgent:
    """One agent, for the list."""

    id: str
    label: str
    #: ``RUNNING`` or ``NOT_RUNNING``.
    status: str
    #: ``None`` is the default queue.
    queues: frozenset[str | None]
    deployments: tuple[str, ...]
    version: str | None
    #: The launcher's class name.
    type: str | None
    #: The name of its token, for those who may know of tokens.
    token: str | None
    last_heartbeat: float
    errors: int


_REFUSED = """
query {
  result: refusedCallers {
    kind name address reason firstAt lastAt times mend command
  }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedCaller:
    """A caller that was refused, for the list."""

    kind: str
    name: str
    address: str | None
    reason: str
    first_at: float
    last_at: float
    times: int
    mend: str
    command: str | None


@dataclass(frozen=True, slots=True)
class Agents:
    """Acts on agents over HTTP. Each method raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[ListedAgent]:
        """The agents that were heard of, as far as the token may look."""
        return [
            ListedAgent(
                id=each["id"],
                label=each["label"],
                status=each["status"],
                queues=_queues(each),
                deployments=tuple(each["servedDeployments"]),
                version=each["version"],
                type=each["launcher"],
                token=each["token"],
                last_heartbeat=each["lastHeartbeatTime"],
                errors=each["errorCount"],
            )
            for each in self.connection.graphql(_LIST)["result"]
        ]

    def refused(self) -> list[ListedCaller]:
        """Callers that were refused; the one seen last comes first."""
        return [
            ListedCaller(
                kind=each["kind"],
                name=each["name"],
                address=each["address"],
                reason=each["reason"],
                first_at=each["firstAt"],
                last_at=each["lastAt"],
                times=each["times"],
                mend=each["mend"],
                command=each["command"],
            )
            for each in self.connection.graphql(_REFUSED)["result"]
        ]

    def forget(self, agent_id: str) -> str:
        """Remove what is known of one that is gone; its name."""
        return str(self.connection.graphql(_FORGET, id=agent_id)["result"])


def live_agents(connection: Connection) -> LiveAgents:
    """The agents of the organization, as far as the token may look.

    Raises:
        DagsteadError: as :meth:`Connection.graphql`; also when the server is too old to answer.
    """
    try:
        data = connection.graphql(_QUERY)
    except RefusedError as error:
        if "servingAgents" not in error.message:
            raise
        msg = (
            f"{connection.target.url} does not say which agents serve which queues: it is "
            "not a Dagstead server, or an older one. Describe the agents in agents.yaml instead."
        )
        raise RefusedError(msg) from error
    try:
        answers: Sequence[Mapping[str, Any]] = data["servingAgents"]
        agents = [(_agent(each), each["status"] == _RUNNING) for each in answers]
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"{connection.target.url} lists its agents in a form that this version does not know."
        raise UnreachableError(msg) from error
    return LiveAgents(
        running=tuple(agent for agent, is_running in agents if is_running),
        silent=tuple(agent for agent, is_running in agents if not is_running),
    )


def _agent(told: Mapping[str, Any]) -> Agent:
    full = told["allowedFullDeploymentLocations"]
    branch = told["allowedBranchDeploymentLocations"]
    return Agent(
        name=told["name"],
        kind=AgentKind.POOL if told["isPool"] else AgentKind.HYBRID,
        launcher=told["launcher"],
        queues=_queues(told),
        deployments=frozenset(told["deployments"]),
        branch_deployments=told["branchDeployments"],
        allowed_full={each["deployment"]: frozenset(each["locations"]) for each in full} or None,
        allowed_branch=None if branch is None else frozenset(branch),
    )


def _queues(told: Mapping[str, Any]) -> frozenset[str | None]:
    return frozenset({*told["queues"], *([None] if told["defaultQueue"] else [])})
