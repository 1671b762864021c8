"""Routes as rows: one a location, or one for each agent with why it will not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dagstead.model.queues import describe_queue
from dagstead.routing.routes import Route
from dagstead.routing.wording import describe_answer, describe_doubt, describe_refusal


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
        row[str(each.target)] = describe_answer(each)
    return list(rows.values())


def reasons(routes: Iterable[Route]) -> list[dict[str, Any]]:
    """A row for each location, deployment and agent: whether it runs it, and why not.

    ``runs`` is ``None`` where that is unknown.
    """
    rows = []
    for each in routes:
        start = {
            "location": each.location.name,
            "queue": _queue(each.location.queue),
            "deployment": str(each.target),
        }
        if not (each.agents or each.possible or each.refusals):
            rows.append(
                {
                    **start,
                    "agent": describe_answer(each),
                    "runs": False if each.are_all_known else None,
                    "because": "no agent is known",
                }
            )
        rows += [
            {**start, "agent": agent.name, "runs": True, "because": _served(each)}
            for agent in each.agents
        ]
        rows += [
            {**start, "agent": agent.name, "runs": None, "because": describe_doubt(agent)}
            for agent in each.possible
        ]
        rows += [
            {
                **start,
                "agent": refusal.agent.name,
                "runs": False,
                "because": describe_refusal(refusal, each),
            }
            for refusal in each.refusals
        ]
    return rows


def _served(route: Route) -> str:
    return f"it serves {_queue(route.location.queue)}"


def _queue(queue: str | None) -> str:
    return describe_queue(queue) or "''"
