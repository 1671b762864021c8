"""Routes as a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dagstead.model.agents import Agent, AgentKind
from dagstead.model.queues import describe_queue
from dagstead.routing.routes import Route, State
from dagstead.routing.wording import describe_answer

_NOBODY = "nobody"
_UNKNOWN = "unknown"


def as_mermaid(routes: Sequence[Route]) -> str:
    """Locations, their queues, and the agents that run them; dashed: that refuse them, or may."""
    locations = {each.location.name: each.location for each in routes}
    queues = list(dict.fromkeys(each.location.queue for each in routes))
    agents = {
        agent.name: agent
        for each in routes
        for agent in (*each.agents, *each.possible, *_refusing(each))
    }
    location_ids = {name: f"location{number}" for number, name in enumerate(locations)}
    queue_ids = {queue: f"queue{number}" for number, queue in enumerate(queues)}
    agent_ids = {name: f"agent{number}" for number, name in enumerate(agents)}
    lines = ["flowchart LR"]
    for name, location in locations.items():
        kind = f"<br/>{location.kind}" if location.kind else ""
        lines.append(f'  {location_ids[name]}["{_text(name)}{kind}"]')
    lines += [f'  {queue_ids[each]}(["{_text(describe_queue(each))}"])' for each in queues]
    for name, agent in agents.items():
        shape = '[["{}"]]' if agent.kind is AgentKind.POOL else '["{}"]'
        lines.append(f"  {agent_ids[name]}" + shape.format(_text(name)))
    lines += [
        f"  {location_ids[name]} --> {queue_ids[each.queue]}" for name, each in locations.items()
    ]
    lines += _arrows(routes, queue_ids, agent_ids)
    for each in routes:
        lines += [
            f'  {location_ids[each.location.name]} -. "refused in {_text(str(each.target))}" .-> '
            f"{agent_ids[agent.name]}"
            for agent in _refusing(each)
        ]
    answers = {each.state: describe_answer(each) for each in routes if not each.possible}
    if State.UNKNOWN in answers:
        lines.append(f'  {_UNKNOWN}["{_text(answers[State.UNKNOWN])}"]')
    if any(each.state is State.UNSERVED for each in routes):
        lines += [f'  {_NOBODY}(("nobody"))', f"  style {_NOBODY} stroke:#c00,stroke-width:3px"]
    return "\n".join(lines) + "\n"


def _arrows(
    routes: Iterable[Route], queue_ids: dict[str | None, str], agent_ids: dict[str, str]
) -> list[str]:
    """From every queue to the agents that take its requests, with the deployments."""
    where: dict[tuple[str, str, bool], dict[str, None]] = defaultdict(dict)
    for each in routes:
        possible = each.state is State.UNKNOWN
        nobody = _UNKNOWN if possible else _NOBODY
        agents = each.possible if possible else each.agents
        for agent in [agent_ids[agent.name] for agent in agents] or [nobody]:
            where[queue_ids[each.location.queue], agent, possible][str(each.target)] = None
    lines = []
    for (queue, agent, possible), targets in where.items():
        names = _text(", ".join(targets))
        arrow = f'-. "{names}?" .->' if possible else f'-- "{names}" -->'
        lines.append(f"  {queue} {arrow} {agent}")
    return lines


def _refusing(route: Route) -> list[Agent]:
    """The agents that take the location's requests only to refuse them."""
    return [each.agent for each in route.refusals if each.takes_requests]


def _text(text: str) -> str:
    """As the inside of a quoted label: Mermaid takes character entities with #."""
    special = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
    return " ".join("".join(special.get(each, each) for each in text).split()) or " "
