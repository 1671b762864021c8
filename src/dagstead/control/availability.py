"""Whether an agent serves a code location, and why not: computed here and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dagstead.control import deploy_policies
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.model.agents import POOL_OF_PROCESSES
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deploy_policy import Wish
from dagstead.plane.deployments import Deployment
from dagstead.plane.release_policy import ReleasePolicy, UnservedQueuePolicy


@dataclass(frozen=True, slots=True)
class Availability:
    """Views of which locations are served."""

    _backend: Backend

    def why_unserved(
        self, actor: Actor, deployment: Deployment, location: str, queue: str | None
    ) -> str | None:
        """Why no agent will take a location's requests; ``None`` when one will, or may soon.

        Raises:
            ForbiddenError: when the actor may not see the location.
        """
        actor.require_sight(deployment, [location])
        return why_unserved(self._backend, deployment, location, queue)

    def why_refused(
        self,
        actor: Actor,
        deployment: Deployment,
        queues: Mapping[str, str | None],
        pythons: Mapping[str, str],
        images: Collection[str] = (),
    ) -> list[str]:
        """One sentence for every location for which a release would be refused, or never load.

        Args:
            actor: who asks.
            deployment: where the locations would be deployed.
            queues: the queue of every location, by its name.
            pythons: the Python of every location that is built as PEX files.
            images: the locations that are images.

        Raises:
            ForbiddenError: when the actor may not see one of the locations.
        """
        actor.require_sight(deployment, [*queues, *pythons, *images])
        wishes = [Wish(location=name, queue=queue) for name, queue in queues.items()]
        lacking = deploy_policies.refusals(self._backend, actor, deployment, wishes)
        beats = alive(self._backend, deployment)
        lacking += _lacking_pythons(beats, queues, pythons)
        lacking += _without_containers(beats, {name: queues.get(name) for name in images})
        if ReleasePolicy.of(deployment.settings).unserved is not UnservedQueuePolicy.REFUSE:
            return lacking
        return would_wait(self._backend, deployment, queues) + lacking


def would_wait(
    backend: Backend, deployment: Deployment, queues: Mapping[str, str | None]
) -> list[str]:
    """One sentence for every location that no agent would load; ``queues`` is by location."""
    return [
        f"{name!r} would wait. {reason}"
        for name, queue in queues.items()
        if (reason := why_unserved(backend, deployment, name, queue))
    ]


def why_unserved(
    backend: Backend, deployment: Deployment, location: str, queue: str | None
) -> str | None:
    """See :meth:`Availability.why_unserved`."""
    return Roster.of(backend).why_unserved(deployment, location, queue)


def _lacking_pythons(
    beats: Sequence[Heartbeat], queues: Mapping[str, str | None], pythons: Mapping[str, str]
) -> list[str]:
    """A sentence for every location whose Python no pool has that serves its queue."""
    refused = []
    for name, wanted in pythons.items():
        pools = [beat for beat in beats if beat.is_pool and queues.get(name) in beat.queues]
        known = [beat.pythons for beat in pools if beat.pythons is not None]
        here = sorted({each for versions in known for each in versions})
        # A pool that does not say what it has may have it.
        if len(known) < len(pools) or not known or wanted in here:
            continue
        listed = ", ".join(sorted(here, key=lambda each: int(each.partition(".")[2])))
        refused.append(
            f"{name!r} is built for Python {wanted}, and the managed pool has {listed}. Install "
            f"python{wanted} on the pool's machine and start the pool again, or build for one that "
            "it has, with --python."
        )
    return refused


def _without_containers(beats: Sequence[Heartbeat], images: Mapping[str, str | None]) -> list[str]:
    """A sentence for every image on a queue that only pools serve whose code is in processes."""
    refused = []
    for name, queue in images.items():
        serving = [beat for beat in beats if queue in beat.queues]
        if serving and all(beat.is_pool and beat.type == POOL_OF_PROCESSES for beat in serving):
            refused.append(
                f"{name!r} is an image, and the managed pool runs PEX files only. Build one: "
                f"--strategy '{name}=pex'. Or whoever runs the pool has it run code in containers "
                "(`pool_backend = docker`)."
            )
    return refused


def alive(backend: Backend, deployment: Deployment) -> list[Heartbeat]:
    """The newest heartbeat of every live agent that serves a deployment."""
    return Roster.of(backend).alive(deployment)
