"""Agents: the list, and one of them; and callers that were refused."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_agent, of_server
from dagstead.errors import NotFoundError
from dagstead.plane.agent_cards import AgentCard
from dagstead.plane.agents import AgentStatus

_LINKS = Links()


def agents(call: PageCall) -> Response:
    """All of them; those that are down come first."""
    every = sorted(
        call.control.agent_cards.cards(call.actor),
        key=lambda each: (each.status is AgentStatus.RUNNING, each.label, each.id),
    )
    return call.show(
        "agents.html",
        title="Agents",
        here="agents",
        command="dagstead agent list",
        rows=[(each, of_agent(each)) for each in every],
        tabs=_tabs(call, len(every), is_callers=False),
    )


def callers(call: PageCall) -> Response:
    """Who was refused."""
    rows = call.control.callers.refused(call.actor)
    agents_now = call.control.agents.all(call.actor)
    return call.show(
        "callers.html",
        title="Refused callers",
        here="agents",
        command="dagstead trail list --result refused",
        rows=rows,
        tabs=_tabs(call, len(agents_now), is_callers=True, refused=len(rows)),
    )


def agent(call: PageCall) -> Response:
    """One of them."""
    found = _found(call)
    return call.show(
        "agent.html",
        title=found.label,
        here="agents",
        command="dagstead agent list",
        agent=found,
        state=of_agent(found),
        servers=[(each, of_server(each.state)) for each in found.servers],
        is_down=found.status is not AgentStatus.RUNNING,
        may_forget=call.actor.is_unlimited and found.status is not AgentStatus.RUNNING,
    )


def forget(call: PageCall) -> Completion:
    """Forget one that is gone for good."""
    name = call.control.agents.forget_gone(call.actor, call.path("agent"))
    return Completion(_LINKS.page("agents"), f"Agent {name} is forgotten.")


def _found(call: PageCall) -> AgentCard:
    agent_id = call.path("agent")
    for each in call.control.agent_cards.cards(call.actor):
        if each.id == agent_id:
            return each
    raise NotFoundError(
        f"There is no agent {agent_id!r}. One that was replaced, or is gone for a day, is not "
        "listed any more."
    )


def _tabs(
    call: PageCall, number: int, *, is_callers: bool, refused: int | None = None
) -> list[tuple[str, str, int | None, bool]]:
    tabs: list[tuple[str, str, int | None, bool]] = [
        ("Agents", _LINKS.page("agents"), number, not is_callers)
    ]
    if call.actor.is_unlimited:
        tabs.append(("Refused callers", _LINKS.page("callers"), refused, is_callers))
    return tabs
