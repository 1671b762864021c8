"""The open-source daemons: every open deployment has a set of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from dagster import DagsterInstance
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.controller import DagsterDaemonController, create_daemons_from_instance
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, MonitoringDaemon
from dagster._daemon.monitoring import execute_concurrency_slots_iteration
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

from dagstead.control.actor import SYSTEM
from dagstead.engine.branch_runs import BranchGate, BranchRunQueueDaemon
from dagstead.engine.instances import Instances
from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.deployments import Deployment

logger = logging.getLogger(__name__)

#: How long daemons may take to stop, so that another process may lead soon.
_STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class _DaemonSet:
    of: tuple[float, int]
    controller: DagsterDaemonController


@dataclass(slots=True)
class Daemons:
    """Starts, watches and stops the daemons of all deployments."""

    instances: Instances
    base_url: str
    #: What the run queues of branch deployments share.
    branch_gate: BranchGate = field(init=False)
    _running: dict[str, _DaemonSet] = field(default_factory=dict)
    #: Asked to stop. Until they have, no others are started for the deployment.
    _stopping: dict[str, DagsterDaemonController] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """All of its daemons share the limits on runs of branch deployments."""
        self.branch_gate = BranchGate(self.instances.control)

    def check(self) -> None:
        """Start daemons of new deployments, restart changed and broken ones, stop closed ones.

        In a pause, all are stopped.
        """
        control = self.instances.control
        is_paused = control.pauses.current(SYSTEM) is not None
        wanted = {
            deployment.name: deployment
            for deployment in control.deployments.granted(SYSTEM)
            if not deployment.closed and not is_paused
        }
        stale = [
            name
            for name, running in self._running.items()
            if name not in wanted
            or running.of != _identity(wanted[name])
            or not _is_healthy(name, running.controller)
        ]
        self._ask_to_stop(stale)
        for name, deployment in wanted.items():
            if name not in self._running and not self._still_stops(name):
                self._running[name] = _DaemonSet(_identity(deployment), self._start(deployment))

    def _start(self, deployment: Deployment) -> DagsterDaemonController:
        # Fixed: it ends when the deployment changes, and daemons read it many times a second.
        workspace = DeploymentWorkspace(
            deployment.name, self.instances, base_url=self.base_url, fixed=deployment
        )
        instance = self.instances.get(deployment)
        logger.info("Starting the daemons of deployment %s", deployment.name)
        return DagsterDaemonController(workspace, list(self._daemons_of(deployment, instance)))

    def _daemons_of(
        self, deployment: Deployment, instance: DagsterInstance
    ) -> Iterator[DagsterDaemon[Any]]:
        for daemon in create_daemons_from_instance(instance):
            if isinstance(daemon, MonitoringDaemon):
                yield SlotDaemon(interval_seconds=daemon.interval_seconds)
            elif isinstance(daemon, QueuedRunCoordinatorDaemon):
                yield self._run_queue_daemon(deployment, daemon.interval_seconds)
            else:
                yield daemon

    def _run_queue_daemon(self, deployment: Deployment, seconds: float) -> RunQueueDaemon:
        control = self.instances.control
        if deployment.is_branch:
            return BranchRunQueueDaemon(seconds, control, deployment, self.branch_gate)
        return RunQueueDaemon(seconds, control, deployment)

    def stop(self) -> bool:
        """Stop them all; return whether they have stopped in time."""
        self._ask_to_stop(list(self._running))
        deadline = time.monotonic() + _STOP_SECONDS
        for controller in self._stopping.values():
            for thread in _threads(controller):
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(map(_works, self._stopping.values()))

    def _ask_to_stop(self, names: Iterable[str]) -> None:
        for name in names:
            controller = self._running.pop(name).controller
            # Not by leaving it as a context, which waits half a minute for every daemon.
            controller._daemon_shutdown_event.set()  # noqa: SLF001
            self._stopping[name] = controller

    def _still_stops(self, name: str) -> bool:
        controller = self._stopping.get(name)
        if controller is not None and not _works(controller):
            del self._stopping[name]
        return name in self._stopping


class SlotDaemon(MonitoringDaemon):
    """The part of run monitoring that frees the slots of runs that have ended.

    The other part, which ends runs, is ours (`watch.run_watch`): it knows more of them.
    """

    def run_iteration(
        self, workspace_process_context: IWorkspaceProcessContext[Any]
    ) -> DaemonIterator:
        """Free the slots."""
        yield from execute_concurrency_slots_iteration(workspace_process_context, self._logger)


def _identity(deployment: Deployment) -> tuple[float, int]:
    # A deployment that was made again under the same name needs new daemons, and so does one with
    # other settings.
    return deployment.created_at, deployment.version


def _threads(controller: DagsterDaemonController) -> Iterable[Thread]:
    return controller._daemon_threads.values()  # noqa: SLF001


def _works(controller: DagsterDaemonController) -> bool:
    return any(thread.is_alive() for thread in _threads(controller))


def _is_healthy(name: str, controller: DagsterDaemonController) -> bool:
    try:
        controller.check_daemon_threads()
    except Exception:
        logger.exception("A daemon of deployment %s has died. Restarting all its daemons", name)
        return False
    return True
