"""Reminds agents of deploys whose outcome never came.

An agent takes a workspace check without acknowledging it, and gives up sending what it has loaded
after half a minute without a server. Either loss would leave a location loading for ever. A second
check does no harm: the agent uploads once more what it has.
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

#: Most locations load faster; a slower one costs an upload a minute until it has loaded.
REMIND_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reminders:
    """Run by the daemon process, every few seconds."""

    control: Control
    #: When each queue of a deployment was reminded last, by this process.
    _reminded: dict[tuple[str, str | None], float] = field(default_factory=dict)

    def send(self) -> None:
        """Check once more on the queues of locations that have been loading for long."""
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
    """Whether an agent may still take a check, or be about to answer it."""
    if request.api != CHECK_FOR_WORKSPACE_UPDATES:
        return False
    if request.state is RequestState.WAITING or request.leased_at is None:
        return True
    return now - request.leased_at < REMIND_AFTER_SECONDS
