"""Housekeeping of the request queue: what gone agents held, what nobody needs any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.requests import RequestState, holder_is_gone, may_be_delivered_again

logger = logging.getLogger(__name__)

#: Ended requests are kept that long for people who look into what happened.
_KEEP_ENDED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Run by the daemon process, every few seconds."""

    control: Control

    def tidy_queue(self) -> None:
        """Give back what gone agents held, withdraw launches of ended runs, expire the overdue."""
        requests = self.control.requests
        beats = self.control.agents.granted(SYSTEM)
        now = self.control.clock()
        for request in requests.open(SYSTEM):
            if requests.expire_unwanted(SYSTEM, request):
                continue
            if (
                request.state is RequestState.LEASED
                and holder_is_gone(request, beats, now)
                and may_be_delivered_again(request)
                and requests.redeliver(SYSTEM, request)
            ):
                logger.warning(
                    "The agent that took %s %s is gone: it waits for another one",
                    request.api,
                    request.id,
                )
        requests.expire_overdue(SYSTEM)

    def purge(self) -> None:
        """Remove what is too old for anybody: ended requests, write keys, agents long gone."""
        self.control.requests.purge(SYSTEM, _KEEP_ENDED_SECONDS)
        self.control.writes.purge(SYSTEM)
        self.control.agents.forget(SYSTEM)
