"""Housekeeping: requests of agents that are gone, and rows that nobody needs any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.requests import (
    RequestState,
    holder_is_gone,
    is_lost,
    may_be_delivered_again,
)

logger = logging.getLogger(__name__)

#: How long ended requests are kept, for people who investigate a problem.
_KEEP_ENDED_SECONDS = 3600.0
_DAY_SECONDS = 24 * 3600.0
_KEEP_LAUNCHES_SECONDS = 7 * 24 * 3600.0
_KEEP_DELIVERIES_SECONDS = 30 * 24 * 3600.0
_KEEP_CALLERS_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Runs in the daemon process, every few seconds."""

    control: Control
    #: How long rows of the trail are kept; 0 is for ever.
    trail_days: int = 0

    def tidy_queue(self) -> None:
        """Requeue what nobody works on, drop launches of ended runs and overdue requests."""
        requests = self.control.requests
        beats = self.control.agents.granted(SYSTEM)
        now = self.control.clock()
        for request in requests.open(SYSTEM):
            if requests.expire_unwanted(SYSTEM, request):
                continue
            if (
                request.state is RequestState.LEASED
                and (holder_is_gone(request, beats, now) or is_lost(request, now))
                and may_be_delivered_again(request)
                and requests.redeliver(SYSTEM, request)
            ):
                logger.warning(
                    "The agent that took %s %s is gone, or never got it. The request waits again",
                    request.api,
                    request.id,
                )
        requests.expire_overdue(SYSTEM)

    def purge(self) -> None:
        """Remove what nobody needs any more, such as ended requests and agents long gone.

        The tokens of user code that its pool has not reported as ended end here.
        """
        self.control.requests.purge(SYSTEM, _KEEP_ENDED_SECONDS)
        self.control.launches.purge(SYSTEM, _KEEP_LAUNCHES_SECONDS)
        self.control.writes.purge(SYSTEM)
        self.control.workers.sweep(SYSTEM)
        self.control.agents.forget(SYSTEM)
        self.control.metrics.purge(SYSTEM, _DAY_SECONDS)
        self.control.callers.purge(SYSTEM, _KEEP_CALLERS_SECONDS)
        self.control.alert_watch.purge(SYSTEM, _KEEP_DELIVERIES_SECONDS)
        self.control.trail.settle(SYSTEM)
        if self.trail_days:
            self.control.trail.prune(SYSTEM, self.trail_days * _DAY_SECONDS)
        for name in self.control.deployments.sweep(SYSTEM):
            logger.info("Removed what the deleted deployment %s had left", name)
