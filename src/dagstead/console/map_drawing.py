"""The routing map: agents, queues and locations as boxes with lines between them, in one picture.

It shows what ``dagstead routes --live`` says of the same routes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dagstead.console.links import Links
from dagstead.console.words import launcher
from dagstead.model.agents import Agent, AgentKind
from dagstead.model.queues import describe_queue
from dagstead.routing.routes import Route, State

_LINKS = Links()

_BOX_WIDTH, _BOX_HEIGHT, _STEP, _TOP = 260, 40, 52, 44
_AGENTS_X, _QUEUES_X, _LOCATIONS_X = 10, 450, 890
_WIDTH = _LOCATIONS_X + _BOX_WIDTH + 10
_NAME_MOST = 30
#: Below everything.
_LAST = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class MapThing:
    """What a box stands for."""

    key: Hashable
    text: str
    #: In small letters, below the text.
    below: str = ""
    address: str | None = None
    look: str = ""

    @property
    def short(self) -> str:
        """As much of the text as fits."""
        text = self.text
        return text if len(text) <= _NAME_MOST else f"{text[: _NAME_MOST - 11]}…{text[-10:]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MapBox:
    """A thing at its place on the map."""

    thing: MapThing
    x: int
    y: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MapLine:
    """Who takes what from where."""

    path: str
    look: str
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingMap:
    """The whole picture, in the units of its boxes."""

    width: int
    height: int
    box_width: int
    box_height: int
    #: The x of each column, and its heading.
    columns: Sequence[tuple[int, str]]
    boxes: Sequence[MapBox]
    lines: Sequence[MapLine]


def drawn(routes: Sequence[Route], agent_ids: Mapping[str, str]) -> RoutingMap:
    """The map of these routes.

    Args:
        routes: of locations in deployments.
        agent_ids: of agents, by name, for the addresses of their pages.
    """
    edges = _edges(routes)
    locations = _placed(_locations(routes), _LOCATIONS_X, edges, {})
    queues = _placed(_queues(routes), _QUEUES_X, edges, locations)
    agents = _placed(_agents(routes, agent_ids), _AGENTS_X, edges, queues)
    boxes = {**agents, **queues, **locations}
    return RoutingMap(
        width=_WIDTH,
        height=max((box.y for box in boxes.values()), default=_TOP) + _STEP,
        box_width=_BOX_WIDTH,
        box_height=_BOX_HEIGHT,
        columns=(
            (_AGENTS_X, f"Agents ({len(agents)})"),
            (_QUEUES_X, f"Queues ({len(queues)})"),
            (_LOCATIONS_X, f"Locations ({len(locations)})"),
        ),
        boxes=list(boxes.values()),
        lines=[
            _line(boxes[start], boxes[end], look, says)
            for (start, end), (look, says) in edges.items()
        ],
    )


def _agents(routes: Iterable[Route], ids: Mapping[str, str]) -> list[MapThing]:
    known: dict[str, Agent] = {}
    for each in routes:
        refusing = (refusal.agent for refusal in each.refusals)
        known |= {agent.name: agent for agent in (*each.agents, *each.possible, *refusing)}
    return [
        MapThing(
            key=("agent", name),
            text=name,
            below="managed pool: PEX files"
            if agent.kind is AgentKind.POOL
            else launcher(agent.launcher),
            address=_LINKS.agent(ids[name]) if name in ids else None,
        )
        for name, agent in sorted(known.items())
    ]


def _queues(routes: Sequence[Route]) -> list[MapThing]:
    served = {each.location.queue for each in routes if each.is_served}
    unserved = {each.location.queue for each in routes if each.state is State.UNSERVED} - served
    names = dict.fromkeys(each.location.queue for each in sorted(routes, key=_order))
    return [
        MapThing(
            key=("queue", name),
            text="default queue" if name is None else describe_queue(name),
            below="nobody serves it" if name in unserved else "",
            address=_LINKS.queue(name),
            look="wrong" if name in unserved else "",
        )
        for name in names
    ]


def _locations(routes: Iterable[Route]) -> list[MapThing]:
    return [
        MapThing(
            key=("location", _name(each)),
            text=each.location.name,
            below=str(each.target) if each.is_served else f"{each.target}: nobody runs it",
            address=None
            if each.target.is_branch
            else _LINKS.location(each.target.deployment, each.location.name),
            look="" if each.is_served else "wrong",
        )
        for each in sorted(routes, key=_order)
    ]


def _edges(routes: Sequence[Route]) -> dict[tuple[Hashable, Hashable], tuple[str, str]]:
    """What is connected with what, how that looks, and what it says."""
    found: dict[tuple[Hashable, Hashable], tuple[str, str]] = {}
    for each in routes:
        queue, named = ("queue", each.location.queue), describe_queue(each.location.queue)
        look = "" if each.is_served else "wrong"
        found[queue, ("location", _name(each))] = (look, f"{each.location.name} is on {named}")
        for agent in each.agents:
            found[("agent", agent.name), queue] = ("", f"{agent.name} serves {named}")
        for refusal in each.refusals:
            if refusal.takes_requests:
                says = f"{refusal.agent.name} takes requests of {each.location.name} and refuses"
                found.setdefault(
                    (("agent", refusal.agent.name), queue), ("attention", f"{says} them")
                )
    return found


def _placed(
    things: Sequence[MapThing],
    x: int,
    edges: Mapping[tuple[Hashable, Hashable], tuple[str, str]],
    right: Mapping[Hashable, MapBox],
) -> dict[Hashable, MapBox]:
    """A column: each box beside the middle of what it leads to, and below the one before."""
    wanted: dict[Hashable, int] = {}
    for thing in things:
        ys = [right[end].y for start, end in edges if start == thing.key and end in right]
        # What leads nowhere comes last.
        wanted[thing.key] = sum(ys) // len(ys) if ys else (_LAST if right else _TOP)
    found: dict[Hashable, MapBox] = {}
    y = _TOP
    for thing in sorted(things, key=lambda thing: wanted[thing.key]):
        y = max(y, wanted[thing.key]) if wanted[thing.key] < _LAST else y
        found[thing.key] = MapBox(thing=thing, x=x, y=y)
        y += _STEP
    return found


def _name(route: Route) -> str:
    return f"{route.target} {route.location.name}"


def _order(route: Route) -> tuple[str, str]:
    return route.location.queue or "", _name(route)


def _line(start: MapBox, end: MapBox, look: str, says: str) -> MapLine:
    x1, y1 = start.x + _BOX_WIDTH, start.y + _BOX_HEIGHT // 2
    x2, y2 = end.x, end.y + _BOX_HEIGHT // 2
    middle = (x1 + x2) // 2
    return MapLine(path=f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}", look=look, says=says)
