"""What code servers print: taken from managed pools, and shown to people."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.locations import find_location, require_location
from dagstead.control.roster import Roster
from dagstead.plane.deployments import Deployment
from dagstead.plane.server_logs import LogPlace, ServerLog, place_of


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownServerLog:
    """What a code server printed, or where that is."""

    #: ``None`` when no managed pool has sent any.
    log: ServerLog | None
    #: ``None`` when a pool runs the location, or nobody does.
    elsewhere: LogPlace | None


@dataclass(frozen=True, slots=True)
class ServerLogs:
    """The act of a pool that prints, and the view of who reads."""

    _backend: Backend

    def take(self, actor: Actor, deployment: Deployment, location: str, log: ServerLog) -> bool:
        """Keep the last lines of a code server; those of older servers do not count.

        Args:
            actor: the pool's agent that runs the server.
            deployment: of the location.
            location: its name.
            log: what the server printed, without secrets.

        Returns:
            Whether it was kept.

        Raises:
            ForbiddenError: when the actor is no managed pool, or may not serve the location.
        """
        actor.require_pool(deployment)
        if find_location(self._backend, deployment, location) is None:
            # Its last server ends after it.
            return False
        require_location(self._backend, actor, deployment, location)
        is_kept = self._backend.store.server_logs.put(deployment.name, location, log.bounded())
        if is_kept:
            self._backend.bell.ring(bell.server_log(deployment.name, location))
        return is_kept

    def get(self, actor: Actor, deployment: Deployment, location: str) -> ShownServerLog:
        """What the newest code server of a location printed, or where that is.

        Raises:
            ForbiddenError: when the actor may not see the location, whether or not it exists.
            LocationNotFoundError: with the names that exist, for those who may see all of them.
        """
        actor.require_sight(deployment, [location])
        actor.refuse_code("Reading the logs of code servers")
        require_location(self._backend, actor, deployment, location)
        found = self._backend.store.locations.get(deployment.name, location)
        serving = Roster.of(self._backend).beats_serving(deployment, found)
        official = [beat for beat in serving if not beat.is_pool]
        is_elsewhere = bool(official) and len(official) == len(serving)
        newest = max(official, key=lambda beat: beat.received_at, default=None)
        return ShownServerLog(
            log=self._backend.store.server_logs.get(deployment.name, location),
            elsewhere=place_of(newest.type, deployment.name, location)
            if newest is not None and is_elsewhere
            else None,
        )
