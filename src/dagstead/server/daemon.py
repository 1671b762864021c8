"""``dagstead daemon``: the daemons of all deployments as a process, one of many at most."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagstead.errors import DagsteadError, StoreAwayError
from dagstead.plane.leases import Fence, LeadershipLostError, UnreachableLeaderError
from dagstead.server.alert_senders import alert_senders_of
from dagstead.server.leading import Term
from dagstead.server.services import open_instances, opened_leadership, opened_store
from dagstead.server.settings import Settings
from dagstead.server.shutdown import end_process, stop_on_signals
from dagstead.server.trail_sinks import destinations_of
from dagstead.store.leadership import Leadership
from dagstead.watch.alert_deliverer import AlertDeliverer
from dagstead.watch.chores import chores_of
from dagstead.watch.rounds import Chore, run_rounds
from dagstead.watch.sweeps import Sweeps
from dagstead.watch.trail_senders import TrailSenders

if TYPE_CHECKING:
    from dagstead.engine.daemons import Daemons

logger = logging.getLogger(__name__)

_CAMPAIGN_SECONDS = 1.0


def run_daemon(settings: Settings) -> None:
    """Run the daemons until SIGTERM or SIGINT, whenever no other process does.

    It outlives its database: when that is away, it waits to lead again.

    Raises:
        ConfigurationError: when the data folder, the database, a place for the trail or what alerts
            are sent by cannot be used from the start.
    """
    stop = stop_on_signals()
    destinations_of(settings, os.environ)
    alert_senders_of(settings, os.environ)
    with opened_leadership(settings) as leadership:
        candidate = _Candidate(settings, leadership, stop)
        while not stop.is_set():
            fence = candidate.wait_to_lead()
            if fence is not None:
                candidate.lead(fence)
                # Let another one try first: what went wrong may be on this machine.
                stop.wait(_CAMPAIGN_SECONDS)


@dataclass(slots=True)
class _Candidate:
    settings: Settings
    leadership: Leadership
    stop: threading.Event
    _logged: str | None = None

    def wait_to_lead(self) -> Fence | None:
        """Campaign until this process leads, or is to stop."""
        self._logged = None
        while not self.stop.is_set():
            fence = self._campaign()
            if fence is not None:
                return fence
            self.stop.wait(_CAMPAIGN_SECONDS)
        return None

    def lead(self, fence: Fence) -> None:
        """Run the daemons for as long as this process leads."""
        with Term(self.leadership, fence) as term:
            try:
                self._run(term.fence)
            except (LeadershipLostError, StoreAwayError) as error:
                reason = error.reason if isinstance(error, StoreAwayError) else error.message
                logger.warning("This process leads no longer and waits to lead again: %s", reason)
            except DagsteadError:
                # Of the store, which another version or an administrator may have changed.
                logger.exception("The daemons cannot run; trying again")

    def _campaign(self) -> Fence | None:
        try:
            fence = self.leadership.campaign()
        except StoreAwayError as error:
            self._log("Waiting for the database: " + error.reason)
            return None
        except UnreachableLeaderError as error:
            self._log(error.message, logging.ERROR)
            return None
        if fence is None:
            self._log("Another process runs the daemons: waiting to take over")
        return fence

    def _log(self, text: str, level: int = logging.INFO) -> None:
        if text != self._logged:
            logger.log(level, text)
            self._logged = text

    def _run(self, fence: Fence) -> None:
        from dagstead.engine.daemons import Daemons  # noqa: PLC0415 - slow: not while waiting

        destinations = destinations_of(self.settings, os.environ)
        alert_senders = alert_senders_of(self.settings, os.environ)
        with ExitStack() as stack:
            store = stack.enter_context(opened_store(self.settings, fence=fence))
            instances = open_instances(self.settings, store)
            stack.callback(instances.close)
            logger.info("Running the daemons, as leader %d", fence.epoch)
            daemons = Daemons(instances, self.settings.base_url)
            stack.callback(_stop, daemons, is_fenced=not store.database.is_sqlite)
            sweeps = Sweeps(instances.control, self.settings.retention, self.settings.sweep_hours)
            stack.callback(sweeps.stop)
            senders = TrailSenders(instances.control, destinations)
            stack.callback(senders.stop)
            senders.start()
            deliverer = AlertDeliverer(instances.control, alert_senders)
            stack.callback(deliverer.stop)
            deliverer.start()
            chores = [
                Chore(what="check the deployments", do=daemons.check),
                *chores_of(instances.control, sweeps, self.settings.trail_days),
            ]
            run_rounds(chores, self.stop, fence)


def _stop(daemons: Daemons, *, is_fenced: bool) -> None:
    if not daemons.stop() and not is_fenced:
        # They would go on writing into Dagster's files beside the next leader.
        logger.error("Some daemons do not stop: ending this process, so that another one may lead")
        end_process(1)
