"""Ends releases that will not finish: overdue ones, and those whose agents are gone."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.deployments import Deployment
from dagstead.plane.release_policy import ReleasePolicy, UnservedQueuePolicy
from dagstead.plane.releases import PartState, Release

logger = logging.getLogger(__name__)

#: Longer than an agent needs to restart, or to reconnect after a restart of the server.
GONE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class ReleaseWatch:
    """Runs in the daemon process, every few seconds."""

    control: Control
    #: Since when no agent has served a release, as far as this process has seen; by deployment and
    #: number.
    _unserved_since: dict[tuple[str, int], float] = field(default_factory=dict)

    def look(self) -> None:
        """End what is overdue, or has waited too long for an agent."""
        deployments = {
            deployment.name: deployment for deployment in self.control.deployments.granted(SYSTEM)
        }
        loading = self.control.releases.open(SYSTEM)
        ended = self._unserved_since.keys() - {
            (release.deployment, release.number) for release in loading
        }
        for key in ended:
            del self._unserved_since[key]
        for release in loading:
            deployment = deployments.get(release.deployment)
            if deployment is not None:
                reason = self._why_end(deployment, release)
                if reason:
                    self._end(deployment, release, reason)

    def _why_end(self, deployment: Deployment, release: Release) -> str | None:
        policy = ReleasePolicy.of(deployment.settings)
        now = self.control.clock()
        waiting = [part for part in release.parts if part.state is PartState.LOADING]
        names = ", ".join(repr(part.name) for part in waiting)
        if now - release.created_at >= policy.timeout_seconds:
            return (
                f"{names} did not load within {policy.timeout_seconds:.0f} seconds. Look at the "
                "log of the agent, or raise releases.timeout_seconds in the deployment's settings."
            )
        key = (release.deployment, release.number)
        why_unserved = self.control.availability.why_unserved
        unserved = [
            f"{part.name!r} has lost its agent. {reason}"
            for part in waiting
            if (reason := why_unserved(SYSTEM, deployment, part.name, part.queue))
        ]
        if not unserved or policy.unserved is not UnservedQueuePolicy.REFUSE:
            self._unserved_since.pop(key, None)
            return None
        since = self._unserved_since.setdefault(key, now)
        return unserved[0] if now - since >= GONE_SECONDS else None

    def _end(self, deployment: Deployment, release: Release, reason: str) -> None:
        logger.warning("Ending release %s of %s: %s", release.number, release.deployment, reason)
        self.control.releases.end(SYSTEM, deployment, release.number, reason)
