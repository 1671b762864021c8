"""What is wrong when agents and locations are put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from dagstead.model.agents import Agent, AgentKind, Setting
from dagstead.model.location import Kind
from dagstead.model.queues import describe_queue, is_default_by_name, name_queue
from dagstead.routing.open_answers import open_answers
from dagstead.routing.remarks import Remark, Weight, ordered
from dagstead.routing.routes import Reason, Route, State
from dagstead.routing.wording import (
    DEFAULT_QUEUE_KEYS,
    IMAGES,
    branches_advice,
    describe_unserved,
    key_of,
    listing,
    names_of,
    nearest_queue,
    own_queue_advice,
    verb,
    where_of,
)

#: Names of remarks that say that no location is concerned.
ABOUT_NO_LOCATION = frozenset({"unused-queue"})


def findings(
    routes: Sequence[Route],
    agents: Sequence[Agent],
    *,
    branches_matter: bool = False,
    running: bool = False,
) -> tuple[Remark, ...]:
    """What is wrong, the worst first.

    Args:
        routes: of every location in every deployment that is looked at.
        agents: all agents, also those that run none of the locations.
        branches_matter: whether a location that nobody runs in branch deployments is an error.
            Otherwise it is a warning: a repository need not use them.
        running: whether the agents are those that are heard of, not those that files define.
    """
    found = [
        *_unserved(routes, branches_matter=branches_matter, running=running),
        *open_answers(routes, branches_matter=branches_matter),
        *_stolen(routes),
        *_images_on_the_pool(routes),
        *_images_beside_the_pool(routes),
        *_serverless_without_pool(routes),
        *_refused_on_arrival(routes),
        *_unused(routes, agents),
        *_default_by_name(routes, agents),
    ]
    return ordered(found)


def _unserved(routes: Sequence[Route], *, branches_matter: bool, running: bool) -> Iterator[Remark]:
    """One remark for all locations that are not served for the same reason.

    Where an agent does not start, that is the reason, and is reported with its file.
    """
    unserved = [each for each in routes if each.state is State.UNSERVED and not _is_broken(each)]
    alike: dict[tuple[str, str], list[Route]] = defaultdict(list)
    for each in unserved:
        if not _only_branches_missing(each):
            said = describe_unserved(each, running=running)
            alike[said.message, said.advice].append(each)
    only_branches = [each for each in unserved if _only_branches_missing(each)]
    if only_branches:
        agents = _full_only(only_branches)
        alike[_no_branches(agents), branches_advice(agents)] = only_branches
    for (message, advice), group in alike.items():
        concerned = names_of(group)
        matters = branches_matter or not all(each.target.is_branch for each in group)
        yield Remark(
            name="unserved",
            weight=Weight.ERROR if matters else Weight.WARNING,
            code="DS423" if matters else None,
            message=f"nobody will run {listing(concerned)} in {where_of(group)}. {message}",
            advice=advice,
            position=group[0].location.position,
            locations=concerned,
        )


def _is_broken(route: Route) -> bool:
    return any(Reason.DOES_NOT_START in each.reasons for each in route.refusals)


def _only_branches_missing(route: Route) -> bool:
    """Whether an agent would run it, if it served branch deployments."""
    return any(each.reasons == (Reason.BRANCH_DEPLOYMENTS,) for each in route.refusals)


def _no_branches(agents: Iterable[Agent]) -> str:
    names = sorted({each.name for each in agents})
    return f"{listing(names)} {verb('serves', names)} full deployments only"


def _full_only(routes: Sequence[Route]) -> list[Agent]:
    """The agents that would run them, if they served branch deployments."""
    return [
        each.agent
        for route in routes
        for each in route.refusals
        if each.reasons == (Reason.BRANCH_DEPLOYMENTS,)
    ]


def _stolen(routes: Sequence[Route]) -> Iterator[Remark]:
    """Serverless locations on a queue that an agent of the user serves beside the pool."""
    for queue, where, group in _by_queue(routes, _is_shared):
        serverless = [each for each in group if each.location.kind is Kind.SERVERLESS]
        hybrid = [each for each in _agents(group, AgentKind.HYBRID) if _surely_serves(each, queue)]
        if serverless:
            names = names_of(serverless)
            yield Remark(
                name="stolen-by-hybrid",
                weight=Weight.ERROR,
                code="DS424",
                message=f"{_listed(hybrid)} and the managed pool both serve {name_queue(queue)} "
                f"in {where}: both get requests of the serverless {listing(names)}, "
                f"which {verb('has', names)} no image for an agent of yours to run",
                advice=f"Set {key_of(DEFAULT_QUEUE_KEYS, hybrid)} to false for {_listed(hybrid)}",
                position=hybrid[0].position or serverless[0].location.position,
                locations=names,
            )


def _images_on_the_pool(routes: Sequence[Route]) -> Iterator[Remark]:
    """Locations with an image whose requests a pool may get that runs none."""
    for queue, where, group in _by_queue(routes, _is_served_without_images):
        images = [each for each in group if each.location.kind in IMAGES]
        if images:
            names = names_of(images)
            shared = _agents(images, AgentKind.HYBRID)
            loses = f"{verb('loses', names)} some requests to"
            takes = loses if shared else f"{verb('is', names)} served by"
            yield Remark(
                name="image-on-pool",
                weight=Weight.ERROR,
                code="DS425",
                message=f"{listing(names)} on {name_queue(queue)} {takes} the managed pool in "
                f"{where}, which runs PEX files and no image: only one on Docker does",
                advice=own_queue_advice(names),
                position=images[0].location.position,
                locations=names,
            )


def _images_beside_the_pool(routes: Sequence[Route]) -> Iterator[Remark]:
    """Locations with an image on a queue where the pool is assumed for others."""
    assumed = {
        each.location.queue for each in routes if any(agent.is_assumed for agent in each.agents)
    }
    for queue, _, group in _by_queue(routes, lambda each: each.location.kind in IMAGES):
        if queue in assumed:
            names = names_of(group)
            yield Remark(
                name="image-beside-pool",
                weight=Weight.WARNING,
                message=f"{listing(names)} {verb('is', names)} on {name_queue(queue)}, where "
                "the managed pool of the serverless locations may take requests, and it runs "
                "images on Docker only",
                advice=own_queue_advice(names),
                position=group[0].location.position,
                locations=names,
            )


def _serverless_without_pool(routes: Sequence[Route]) -> Iterator[Remark]:
    """Serverless locations that only agents for images get."""
    for queue, where, group in _by_queue(routes, lambda each: _kinds(each) == {AgentKind.HYBRID}):
        serverless = [each for each in group if each.location.kind is Kind.SERVERLESS]
        if serverless:
            names = names_of(serverless)
            yield Remark(
                name="serverless-on-hybrid",
                weight=Weight.WARNING,
                message=f"{listing(names)} {verb('is', names)} built as a PEX file for the managed "
                f"pool, and only {_listed(_agents(serverless, AgentKind.HYBRID))} serves "
                f"{name_queue(queue)} in {where}",
                advice="Add build.registry if an image is meant, or let the pool serve this queue",
                position=serverless[0].location.position,
                locations=names,
            )


def _refused_on_arrival(routes: Sequence[Route]) -> Iterator[Remark]:
    """Served locations whose requests another agent also takes, only to refuse them."""
    alike: dict[tuple[str, str | None], list[Route]] = defaultdict(list)
    for route in routes:
        refusing = [each.agent for each in route.refusals if each.takes_requests]
        if route.is_served and refusing:
            alike[_listed(refusing), route.location.queue].append(route)
    for (refusing_names, queue), group in alike.items():
        names = names_of(group)
        yield Remark(
            name="refused-by-allowed-list",
            weight=Weight.WARNING,
            message=f"{refusing_names} serves {name_queue(queue)} in {where_of(group)}, too, and "
            f"refuses {listing(names)}, which its allowed list leaves out: requests that it gets "
            "fail",
            advice="Add what is missing to the list, or use a queue of its own",
            position=group[0].location.position,
            locations=names,
        )


def _unused(routes: Sequence[Route], agents: Sequence[Agent]) -> Iterator[Remark]:
    """Named queues of agents that no location goes to."""
    if not routes:
        return
    wanted = {each.location.queue for each in routes}
    unserved = {each.location.queue for each in routes if each.state is State.UNSERVED} - {None}
    used = Agent(name="", queues=frozenset(wanted))
    for agent in agents:
        unused = sorted(each for each in agent.queues - wanted if each is not None)
        near = {each: nearest_queue(each, [used]) for each in unused}
        # Of these, what is said about the locations asks already.
        unused = [each for each in unused if near[each] not in unserved]
        other = [each for each in unused if near[each] is None]
        if other:
            yield Remark(
                name="unused-queue",
                weight=Weight.NOTE,
                message=f"no location goes to {_queues(other)}, which {agent.name} serves",
                position=agent.position,
            )
        for queue, meant in ((each, near[each]) for each in unused):
            if meant is not None:
                yield Remark(
                    name="unused-queue",
                    weight=Weight.WARNING,
                    message=f"no location goes to {name_queue(queue)}, which {agent.name} serves",
                    advice=f"Did you mean {meant!r}?",
                    position=agent.position,
                )


def _queues(names: Sequence[str]) -> str:
    if len(names) == 1:
        return name_queue(names[0])
    return f"the queues {listing([repr(each) for each in names])}"


def _default_by_name(routes: Sequence[Route], agents: Sequence[Agent]) -> Iterator[Remark]:
    """Queues that look like the default queue and are served, as queues of that name.

    Of an agent that a file defines, it is reported where it is written.
    """
    for agent in (each for each in agents if each.position is None):
        for queue in sorted(each for each in agent.queues if each is not None):
            if is_default_by_name(queue):
                users = [each for each in routes if each.location.queue == queue]
                yield Remark(
                    name="default-by-name",
                    weight=Weight.WARNING,
                    message=f"{agent.name} serves a queue that is called {queue!r}; the default "
                    f"queue has no name and is shown as {describe_queue(None)}",
                    advice="Remove the name from the agent and its locations, and set "
                    "include_default_queue",
                    locations=names_of(users),
                )


def _by_queue(
    routes: Sequence[Route], wanted: Callable[[Route], bool]
) -> Iterator[tuple[str | None, str, list[Route]]]:
    """Routes of the same queue, with the deployments that they are in, in words."""
    groups: dict[str | None, list[Route]] = defaultdict(list)
    for each in routes:
        if wanted(each):
            groups[each.location.queue].append(each)
    for queue, group in groups.items():
        yield queue, where_of(group), group


def _is_shared(route: Route) -> bool:
    """Whether the pool and an agent of the user both get its requests, beyond doubt."""
    queue = route.location.queue
    return {each.kind for each in route.agents if _surely_serves(each, queue)} == set(AgentKind)


def _surely_serves(agent: Agent, queue: str | None) -> bool:
    decides = Setting.DEFAULT_QUEUE if queue is None else Setting.QUEUES
    return queue in agent.queues and decides not in agent.unknown


def _kinds(route: Route) -> set[AgentKind]:
    return {each.kind for each in route.agents}


def _is_served_without_images(route: Route) -> bool:
    return any(not each.runs_images for each in route.agents)


def _agents(routes: Iterable[Route], kind: AgentKind) -> list[Agent]:
    found = {id(each): each for route in routes for each in route.agents if each.kind is kind}
    return sorted(found.values(), key=lambda each: each.name)


def _listed(agents: Iterable[Agent]) -> str:
    return listing(sorted({each.name for each in agents}))
