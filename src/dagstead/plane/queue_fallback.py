"""Whether another queue may take the runs of a location, when nobody serves its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dagstead.model.agents import POOLS_WITH_IMAGES
from dagstead.model.queues import name_queue
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location, image_of, pex_files_of
from dagstead.plane.queues import Queue


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingAgent:
    """A live agent of a deployment that serves the other queue."""

    beat: Heartbeat
    #: Whether its token grants the queue that the location itself is on.
    grants_home: bool


def takers(location: Location, agents: Iterable[ServingAgent]) -> list[ServingAgent]:
    """Those that may run a location, and can: an image needs Docker or the like, a PEX the pool."""
    return [agent for agent in agents if agent.grants_home and _can_run(location, agent.beat)]


def why_not(
    location: Location,
    deployment: Deployment,
    target: Queue,
    agents: Iterable[ServingAgent],
    now: float,
) -> str | None:
    """Why a queue does not take the runs of a location, as a sentence; ``None`` when it does.

    Args:
        location: on a queue that nobody serves.
        deployment: of the location.
        target: the queue to go to.
        agents: that serve it.
        now: in seconds since 1970.
    """
    found = _objections(location, deployment, target, list(agents), now)
    return next(found, None)


def _objections(
    location: Location,
    deployment: Deployment,
    target: Queue,
    agents: Sequence[ServingAgent],
    now: float,
) -> Iterator[str]:
    named = name_queue(target.name)
    if deployment.is_branch and not target.branch_deployments:
        yield f"Its fallback, {named}, is not for branch deployments."
    if target.pause_at(now) is not None:
        yield f"Its fallback, {named}, is paused."
    if not agents:
        yield f"No agent serves its fallback, {named}, either."
    able = [each for each in agents if _can_run(location, each.beat)]
    if not able:
        yield f"No agent of its fallback, {named}, can run {_artifact(location)}."
    if not any(each.grants_home for each in able):
        yield (
            f"No agent of its fallback, {named}, has a token that grants "
            f"{name_queue(location.queue)}, which location {location.name!r} is on."
        )


def _can_run(location: Location, beat: Heartbeat) -> bool:
    if pex_files_of(location.document):
        return beat.is_pool
    # Code in a folder is on the machine of one agent, and of no other as far as we know.
    runs_images = not beat.is_pool or beat.type in POOLS_WITH_IMAGES
    return image_of(location.document) is not None and runs_images


def _artifact(location: Location) -> str:
    if pex_files_of(location.document):
        return "PEX files, as they are not of the managed pool"
    if image_of(location.document) is not None:
        return "an image, as they are of a managed pool that runs none"
    return "code in a folder, which only its own agent has"
