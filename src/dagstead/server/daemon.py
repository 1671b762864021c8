"""``dagstead daemon``: the daemons of all deployments as a process, one of many at most."""

from __future__ import annotations

import logging
import threading

from dagstead.server.services import open_instances, opened_store
from dagstead.server.settings import Settings
from dagstead.server.shutdown import stop_on_signals
from dagstead.store.all import Store
from dagstead.store.leadership import Leadership
from dagstead.watch.chores import chores_of
from dagstead.watch.rounds import Chore, run_rounds

logger = logging.getLogger(__name__)

_CAMPAIGN_SECONDS = 2.0


def run_daemon(settings: Settings) -> None:
    """Run the daemons until SIGTERM or SIGINT, whenever no other process does.

    Raises:
        LeadershipLostError: when the database connection was lost; start the process anew.
    """
    stop = stop_on_signals()
    with opened_store(settings) as store:
        leadership = Leadership(store.database, settings.data / "daemon.lock")
        try:
            if _wait_to_lead(leadership, stop):
                _lead(settings, store, leadership, stop)
        finally:
            leadership.release()


def _wait_to_lead(leadership: Leadership, stop: threading.Event) -> bool:
    is_logged = False
    while not stop.is_set():
        if leadership.try_acquire():
            return True
        if not is_logged:
            logger.info("Another process runs the daemons: waiting to take over")
            is_logged = True
        stop.wait(_CAMPAIGN_SECONDS)
    return False


def _lead(settings: Settings, store: Store, leadership: Leadership, stop: threading.Event) -> None:
    from dagstead.engine.daemons import Daemons  # noqa: PLC0415 - slow: not while waiting

    instances = open_instances(settings, store)
    try:
        logger.info("Running the daemons")
        daemons = Daemons(instances, settings.base_url)
        try:
            chores = [
                Chore(what="check the deployments", do=daemons.check),
                *chores_of(instances.control),
            ]
            run_rounds(chores, stop, after_round=leadership.require)
        finally:
            daemons.stop()
    finally:
        instances.close()
