"""Reminds agents of deploys whose result has not arrived.

Agents do not acknowledge workspace checks, and when they cannot reach the server, they stop sending
what they have loaded after half a minute. Without a reminder, such a location would be loading for
ever. A second check does no harm: the agent uploads once more what it has.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import LoadState
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES, Request, RequestState

logger = logging.getLogger(__name__)

#: Most locations load faster. A slower one costs an upload per minute until it has loaded.
REMIND_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reminders:
    """Runs in the daemon process, every few seconds."""

    control: Control
    #: When this process last reminded a queue of a deployment.
    _reminded: dict[tuple[str, str | None], float] = field(default_factory=dict)

    def send(self) -> None:
        """Remind the queues of locations that have been loading for long."""
        now = self.control.clock()
        under_way = {
            (request.deployment, request.queue)
            for request in self.control.requests.open(SYSTEM)
            if _is_check_under_way(request, now)
        }
        for deployment in self.control.deployments.granted(SYSTEM):
            if not deployment.closed:
                overdue = {
                    queue
                    for queue in self._overdue(deployment, now)
                    if (deployment.name, queue) not in under_way
                }
                self._remind(deployment, overdue, now)

    def _remind(self, deployment: Deployment, queues: set[str | None], now: float) -> None:
        if not queues:
            return
        logger.info("Reminding agents of deploys to %s", deployment.name)
        self.control.locations.remind(SYSTEM, deployment, queues)
        self._reminded.update({(deployment.name, queue): now for queue in queues})

    def _overdue(self, deployment: Deployment, now: float) -> set[str | None]:
        return {
            location.queue
            for location in self.control.locations.all(SYSTEM, deployment)
            if location.state is LoadState.LOADING
            and now - location.updated_at >= REMIND_AFTER_SECONDS
            and now - self._reminded.get((deployment.name, location.queue), 0.0)
            >= REMIND_AFTER_SECONDS
        }


def _is_check_under_way(request: Request, now: float) -> bool:
    """Whether an agent may still take a check, or may still answer it."""
    if request.api != CHECK_FOR_WORKSPACE_UPDATES:
        return False
    if request.state is RequestState.WAITING or request.leased_at is None:
        return True
    return now - request.leased_at < REMIND_AFTER_SECONDS
