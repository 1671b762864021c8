"""What to say where it is not known whether anybody runs a location."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from dagstead.model.queues import is_default_by_name, name_queue
from dagstead.routing.remarks import NextStep, Remark, Weight
from dagstead.routing.routes import Route, State
from dagstead.routing.wording import IMAGES, describe_doubt, listing, names_of, verb, where_of

_LIVE = NextStep(purpose="ask the control plane", command="dagstead routes --live")


def open_answers(routes: Sequence[Route], *, branches_matter: bool) -> Iterator[Remark]:
    """One remark for everything that is open for the same reason."""
    unknown = [each for each in routes if each.state is State.UNKNOWN]
    alike: dict[tuple[int, ...], list[Route]] = defaultdict(list)
    for each in unknown:
        alike[tuple(id(agent) for agent in each.possible)].append(each)
    for agents, group in alike.items():
        if agents:
            yield _not_read(group, branches_matter=branches_matter)
        else:
            yield _no_agents(group)


def _not_read(routes: Sequence[Route], *, branches_matter: bool) -> Remark:
    """An agent is known of, and a setting of it that decides is not."""
    agents = routes[0].possible
    names = names_of(routes)
    matters = branches_matter or not all(each.target.is_branch for each in routes)
    causes = dict.fromkeys(describe_doubt(each) for each in agents)
    return Remark(
        name="unknown-agents",
        weight=Weight.UNKNOWN if matters else Weight.NOTE,
        message=f"whether an agent runs {listing(names)} in {where_of(routes)} is not known: "
        f"{listing(list(causes), between='; ')}",
        advice="Correct them first"
        if all(each.position and each.position.file.endswith("agents.yaml") for each in agents)
        else "Describe your agents in agents.yaml, name their files with --agents, or ask a "
        "control plane with --live",
        position=agents[0].position,
        leaves_open=True,
        locations=names,
    )


def _no_agents(routes: Sequence[Route]) -> Remark:
    """Nothing is known of any agent: that is usual, and no mistake."""
    on_default = [each for each in routes if each.location.queue is None]
    waiting = names_of(on_default)
    named = sorted({each.location.queue for each in routes if each.location.queue is not None})
    misnamed = [each for each in named if is_default_by_name(each)]
    said = ["no file here configures an agent"]
    if named:
        said.append(f", so nothing says who serves {_listed(named)}")
    if waiting:
        wait = verb("waits", waiting)
        said.append(f"{';' if named else ':'} {listing(waiting)} {wait} on ")
        images = all(each.location.kind in IMAGES for each in on_default)
        said.append(f"{name_queue(None)} for an agent{' that runs images' if images else ''}")
    real = [each for each in named if each not in misnamed]
    how = [_written_down(routes, real, default_too=bool(waiting))] if real or waiting else []
    return Remark(
        name="no-agents",
        weight=Weight.NOTE,
        message="".join(said),
        advice=_no_name(misnamed[0]) if misnamed else "",
        steps=(_LIVE, *how),
        leaves_open=True,
        locations=names_of(routes),
    )


def _no_name(queue: str) -> str:
    return (
        f"The default queue has no name: remove agent_queue {queue!r}, or name a queue of your "
        "agents"
    )


def _listed(queues: Sequence[str]) -> str:
    return listing([repr(each) if is_default_by_name(each) else each for each in queues])


def _written_down(routes: Sequence[Route], named: Iterable[str], *, default_too: bool) -> NextStep:
    types = {each.location.agent_type for each in routes} - {""}
    words = [f"dagstead agent config --type {types.pop() if len(types) == 1 else 'docker'}"]
    words += [f"--queue {shlex.quote(each)}" for each in named]
    if default_too and len(words) > 1:
        words.append("--default-queue")
    return NextStep(purpose="write it down", command=" ".join([*words, "--output agent/"]))
