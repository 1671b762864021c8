"""What an actor may deploy, beside where: the deploy policies of the organization and deployments.

Every way to deploy asks here, as all of them begin a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.model.queues import name_queue
from dagstead.plane.deploy_policy import DeployPolicy, Precedent, Wish
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location
from dagstead.plane.organization import ORGANIZATION


def refusals(
    backend: Backend, actor: Actor, deployment: Deployment, wishes: Iterable[Wish]
) -> list[str]:
    """A sentence for everything that documents ask for and a policy does not allow.

    Args:
        backend: of the control plane.
        actor: deploys them.
        deployment: to which.
        wishes: what the documents ask for.
    """
    policy = DeployPolicy.of(
        backend.store.properties.organization_settings(),
        deployment=deployment.name,
        settings=deployment.settings,
        is_branch=deployment.is_branch,
        is_of_locations=actor.is_of_locations,
    )
    wanted = list(wishes)
    deployed = _deployed(backend, deployment) if actor.is_of_locations else {}
    return [
        sentence
        for wish in wanted
        for sentence in policy.refusals(
            wish, _precedent(deployed.get(wish.location)), keeps_queue=actor.is_of_locations
        )
    ] + (_not_for_branches(backend, wanted) if deployment.is_branch else [])


def _not_for_branches(backend: Backend, wishes: Iterable[Wish]) -> list[str]:
    closed = {
        queue.name
        for queue in backend.store.queues.all(ORGANIZATION)
        if not queue.branch_deployments
    }
    return [
        f"{wish.location!r} is on {name_queue(wish.queue)}, which is not for branch deployments. "
        "Deploy it to another queue, or let branch deployments use it with `dagstead queues set "
        f"{'--default-queue' if wish.queue is None else wish.queue} --branch-deployments`."
        for wish in wishes
        if wish.queue in closed
    ]


def _deployed(backend: Backend, deployment: Deployment) -> Mapping[str, Location]:
    return {each.name: each for each in backend.store.locations.all(deployment.name)}


def _precedent(location: Location | None) -> Precedent | None:
    """What went live of a location: somebody was allowed to deploy that."""
    if location is None:
        return None
    live = location.live
    documents: list[Mapping[str, Any]] = [location.document if live is None else live.document]
    queues = {location.queue} if live is None else {live.queue}
    return Precedent.of(frozenset(queues), documents)
