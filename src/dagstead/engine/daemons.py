"""The open-source daemons, a set for each open deployment, over locations behind the queue."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from dagster._daemon.controller import DagsterDaemonController, create_daemons_from_instance

from dagstead.engine.instances import Instances
from dagstead.engine.redelivery import Housekeeping
from dagstead.engine.release_watch import ReleaseWatch
from dagstead.engine.reminders import Reminders
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.deployments import Deployment

logger = logging.getLogger(__name__)

#: How soon a new deployment has daemons, and changed settings are in force.
_CHECK_SECONDS = 2.0
_PURGE_EVERY_ROUNDS = 150
_REMIND_EVERY_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Running:
    of: tuple[float, int]
    controller: DagsterDaemonController


@dataclass(frozen=True, slots=True)
class Daemons:
    """Starts, watches and stops the daemons of all deployments."""

    instances: Instances
    base_url: str
    _running: dict[str, _Running] = field(default_factory=dict)

    def run(self, stop: threading.Event, *, after_round: Callable[[], None] | None = None) -> None:
        """Keep daemons running until ``stop`` is set, then stop them all.

        Args:
            stop: ends the loop.
            after_round: called about every two seconds, for leader locks and the like; an
                exception from it ends the loop.
        """
        housekeeping = Housekeeping(self.instances)
        reminders = Reminders(self.instances)
        release_watch = ReleaseWatch(self.instances)
        rounds = 0
        try:
            while not stop.is_set():
                self._guarded("check the deployments", self.check)
                self._guarded("tidy the request queue", housekeeping.tidy_queue)
                if rounds % _REMIND_EVERY_ROUNDS == 0:
                    self._guarded("remind agents of deploys", reminders.send)
                    self._guarded("watch the releases", release_watch.look)
                if rounds % _PURGE_EVERY_ROUNDS == 0:
                    self._guarded("purge old rows", housekeeping.purge)
                if after_round:
                    after_round()
                rounds += 1
                stop.wait(_CHECK_SECONDS)
        finally:
            self._stop(list(self._running))

    def check(self) -> None:
        """Start daemons of new deployments, restart changed and broken ones, stop closed ones."""
        wanted = {each.name: each for each in self.instances.store.deployments.all()}
        wanted = {name: each for name, each in wanted.items() if not each.closed}
        stale = [
            name
            for name, running in self._running.items()
            if name not in wanted
            or running.of != _identity(wanted[name])
            or not _is_healthy(name, running.controller)
        ]
        self._stop(stale)
        for name, deployment in wanted.items():
            if name not in self._running:
                self._running[name] = _Running(_identity(deployment), self._start(deployment))

    def _start(self, deployment: Deployment) -> DagsterDaemonController:
        # Fixed: it ends when the deployment changes, and daemons ask for it many times a second.
        workspace = DeploymentWorkspace(
            deployment.name, self.instances, base_url=self.base_url, fixed=deployment
        )
        instance = self.instances.get(deployment)
        logger.info("Starting the daemons of deployment %s", deployment.name)
        return DagsterDaemonController(workspace, create_daemons_from_instance(instance))

    def _stop(self, names: list[str]) -> None:
        controllers = [self._running.pop(name).controller for name in names]
        if controllers:
            # Each waits for its threads: together, not one after the other.
            with ThreadPoolExecutor(max_workers=len(controllers)) as pool:
                list(pool.map(_exit, controllers))

    def _guarded(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            # The database may be away for a moment; daemons must outlive that.
            logger.exception("Could not %s; trying again in %s s", what, _CHECK_SECONDS)


def _identity(deployment: Deployment) -> tuple[float, int]:
    # Made again under its name, it is another one; with other settings, its daemons are.
    return deployment.created_at, deployment.version


def _exit(controller: DagsterDaemonController) -> None:
    controller.__exit__(None, None, None)  # type: ignore[arg-type]


def _is_healthy(name: str, controller: DagsterDaemonController) -> bool:
    try:
        controller.check_daemon_threads()
    except Exception:
        logger.exception("A daemon of deployment %s has died: starting them anew", name)
        return False
    return True
