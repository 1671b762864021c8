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
_RUNNING = "RUNNING"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveAgents:
    """Who is heard of."""

    running: tuple[Agent, ...]
    #: Agents that were heard of, and are silent.
    silent: tuple[Agent, ...]

    def as_scan(self) -> AgentScan:
        """Those that run, with a note about each of the others."""
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


def live_agents(connection: Connection) -> LiveAgents:
    """The agents of the organization, as far as the token may look.

    Raises:
        DagsteadError: as :meth:`Connection.graphql`; also when the server is too old to tell.
    """
    try:
        data = connection.graphql(_QUERY)
    except RefusedError as error:
        if "servingAgents" not in error.message:
            raise
        msg = (
            f"{connection.target.url} cannot tell which agents serve which queues: it is no "
            "Dagstead, or an older one. Describe the agents in agents.yaml instead."
        )
        raise RefusedError(msg) from error
    try:
        told: Sequence[Mapping[str, Any]] = data["servingAgents"]
        agents = [(_agent(each), each["status"] == _RUNNING) for each in told]
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"{connection.target.url} tells of its agents in a form that is not known here."
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
        queues=frozenset({*told["queues"], *([None] if told["defaultQueue"] else [])}),
        deployments=frozenset(told["deployments"]),
        branch_deployments=told["branchDeployments"],
        allowed_full={each["deployment"]: frozenset(each["locations"]) for each in full} or None,
        allowed_branch=None if branch is None else frozenset(branch),
    )
