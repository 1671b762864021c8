"""Housekeeping of the request queue: what gone agents held, what nobody needs any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagster._core.storage.dagster_run import DagsterRunStatus

from dagstead.engine.instances import Instances
from dagstead.plane.requests import (
    LAUNCH_RUN,
    Request,
    RequestState,
    holder_is_gone,
    may_be_delivered_again,
)
from dagstead.store.all import Store

logger = logging.getLogger(__name__)

#: Ended requests are kept that long for people who look into what happened.
_KEEP_ENDED_SECONDS = 3600.0
_KEEP_AGENTS_SECONDS = 7 * 24 * 3600.0

#: A launch that was asked for and is in one of these has come too late.
_NOT_TO_LAUNCH = frozenset(
    {
        DagsterRunStatus.SUCCESS,
        DagsterRunStatus.FAILURE,
        DagsterRunStatus.CANCELED,
        DagsterRunStatus.CANCELING,
    }
)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Run by the daemon process, every few seconds."""

    instances: Instances

    @property
    def _store(self) -> Store:
        return self.instances.store

    def tidy_queue(self) -> None:
        """Give back what gone agents held, withdraw launches of ended runs, expire the overdue."""
        beats = self._store.agents.all()
        now = self._store.clock()
        for request in self._store.requests.open():
            if request.api == LAUNCH_RUN and not self.is_wanted(request):
                self._store.requests.expire(request.deployment, [request.id])
            elif (
                request.state is RequestState.LEASED
                and holder_is_gone(request, beats, now)
                and may_be_delivered_again(request)
                and self._store.requests.give_back(request)
            ):
                logger.warning(
                    "The agent that took %s %s is gone: it waits for another one",
                    request.api,
                    request.id,
                )
        self._store.requests.expire_overdue()

    def is_wanted(self, request: Request) -> bool:
        """Whether a launch still has a run that wants to start."""
        deployment = self._store.deployments.get(request.deployment)
        run = self.instances.get(deployment).get_run_by_id(str(request.run_id))
        return run is not None and run.status not in _NOT_TO_LAUNCH

    def purge(self) -> None:
        """Remove what is too old for anybody: ended requests, write keys, agents long gone."""
        self._store.requests.purge(_KEEP_ENDED_SECONDS)
        self._store.writes.purge()
        self._store.agents.forget(_KEEP_AGENTS_SECONDS)
