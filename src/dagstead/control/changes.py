"""Publish a change after its commit: wake the agents concerned, and ring the bell once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.backend import Backend
from dagstead.control.work import Work, submit
from dagstead.plane.deployments import Deployment
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES

#: Workspace checks are cheap, and every deploy queues new ones.
_CHECK_LIFETIME_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What an act has changed in a deployment."""

    deployment: Deployment
    #: Queues whose agents have to check the workspace again; ``None`` is the default queue.
    queues: Collection[str | None] = ()
    releases: bool = False
    locations: bool = True


def publish(backend: Backend, change: Change) -> None:
    """Wake everybody whom a committed change concerns."""
    wake_queues(backend, change.deployment, change.queues)
    name = change.deployment.name
    topics = [bell.queue(queue) for queue in set(change.queues)]
    topics += [bell.releases(name)] if change.releases else []
    topics += [bell.locations(name)] if change.locations else []
    backend.bell.ring(*topics)


def wake_queues(backend: Backend, deployment: Deployment, queues: Collection[str | None]) -> None:
    """Have the agents of these queues load and upload what was deployed.

    Without this request, an agent restarts the code server of a changed location but never uploads
    its definitions.
    """
    for queue in set(queues):
        work = Work(
            api=CHECK_FOR_WORKSPACE_UPDATES, queue=queue, lifetime_seconds=_CHECK_LIFETIME_SECONDS
        )
        submit(backend, deployment, work)
