"""Routes as rows: one a location, or one for each agent with why it will not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dagstead.model.queues import describe_queue
from dagstead.routing.routes import Route
from dagstead.routing.wording import describe_refusal

NOBODY = "nobody"


def summary(routes: Sequence[Route]) -> list[dict[str, Any]]:
    """A row a location; a column a deployment, with the agents that will run it there."""
    rows: dict[str, dict[str, Any]] = {}
    for each in routes:
        location = each.location
        row = rows.setdefault(
            location.name,
            {
                "location": location.name,
                "kind": str(location.kind),
                "queue": _queue(location.queue),
            },
        )
        row[str(each.target)] = _agents(each)
    return list(rows.values())


def reasons(routes: Iterable[Route]) -> list[dict[str, Any]]:
    """A row for each location, deployment and agent: whether it runs it, and why not."""
    rows = []
    for each in routes:
        told = {
            "location": each.location.name,
            "queue": _queue(each.location.queue),
            "deployment": str(each.target),
        }
        rows += [
            {**told, "agent": agent.name, "runs": True, "because": _served(each)}
            for agent in each.agents
        ]
        rows += [
            {
                **told,
                "agent": refusal.agent.name,
                "runs": False,
                "because": describe_refusal(refusal, each),
            }
            for refusal in each.refusals
        ]
    return rows


def _served(route: Route) -> str:
    return f"it serves {_queue(route.location.queue)}"


def _agents(route: Route) -> str:
    return ", ".join(dict.fromkeys(each.name for each in route.agents)) or NOBODY


def _queue(queue: str | None) -> str:
    return describe_queue(queue) or "''"
