"""Agents: the list, and one of them."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import Call, Done
from dagstead.console.links import Links
from dagstead.console.states import of_agent
from dagstead.control.agents import AgentView
from dagstead.errors import NotFoundError
from dagstead.model.agents import AgentKind
from dagstead.plane.agents import AgentStatus

_LINKS = Links()


def agents(call: Call) -> Response:
    """All of them."""
    every = sorted(
        call.control.agents.all(call.actor),
        key=lambda each: (each.status is AgentStatus.RUNNING, each.label, each.id),
    )
    return call.show(
        "agents.html",
        title="Agents",
        here="agents",
        command="dagstead agent list",
        rows=[(each, of_agent(each.status), each.agent.kind is AgentKind.POOL) for each in every],
    )


def agent(call: Call) -> Response:
    """One of them."""
    found = _found(call)
    beats = [beat for beat in call.control.agents.granted(call.actor) if beat.agent_id == found.id]
    return call.show(
        "agent.html",
        title=found.label,
        here="agents",
        command="dagstead agent list",
        agent=found,
        state=of_agent(found.status),
        is_pool=found.agent.kind is AgentKind.POOL,
        beats=beats,
        may_forget=call.actor.is_unlimited and found.status is not AgentStatus.RUNNING,
    )


def forget(call: Call) -> Done:
    """Forget one that is gone for good."""
    name = call.control.agents.forget_gone(call.actor, call.path("agent"))
    return Done(_LINKS.page("agents"), f"Agent {name} is forgotten.")


def _found(call: Call) -> AgentView:
    agent_id = call.path("agent")
    for each in call.control.agents.all(call.actor):
        if each.id == agent_id:
            return each
    raise NotFoundError(
        f"There is no agent {agent_id!r}. One that was replaced, or is gone for a day, is not "
        "listed any more."
    )
