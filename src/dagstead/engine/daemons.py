"""The open-source daemons: every open deployment has a set of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dagster import DagsterInstance
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.controller import create_daemons_from_instance
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, MonitoringDaemon
from dagster._daemon.monitoring import execute_concurrency_slots_iteration
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

from dagstead.control.actor import SYSTEM
from dagstead.engine.branch_runs import BranchGate, BranchRunQueueDaemon
from dagstead.engine.daemon_loop import DaemonLoop
from dagstead.engine.daemon_turns import Turns
from dagstead.engine.instances import Instances
from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.deployments import Deployment

logger = logging.getLogger(__name__)

#: How long daemons may take to stop, so that another process may lead soon.
_STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class _DaemonSet:
    """The daemons of a deployment as it is in one version."""

    of: tuple[float, int]
    loops: Sequence[DaemonLoop]
    #: Ends the calls that its run queue gets.
    stack: ExitStack

    @property
    def has_ended(self) -> bool:
        return all(loop.has_ended for loop in self.loops)


@dataclass(slots=True)
class Daemons:
    """Starts and stops the daemons of all deployments."""

    instances: Instances
    base_url: str
    #: What the run queues of branch deployments share.
    branch_gate: BranchGate = field(init=False)
    _turns: Turns = field(default_factory=Turns)
    _running: dict[str, _DaemonSet] = field(default_factory=dict)
    #: Asked to stop. Until they have, no others are started for the deployment.
    _stopping: dict[str, _DaemonSet] = field(default_factory=dict)
    _with_code: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """All of its daemons share the limits on runs of branch deployments."""
        self.branch_gate = BranchGate(self.instances.control)

    def check(self) -> None:
        """Start daemons of new deployments, restart those of changed ones, stop closed ones.

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
            if name not in wanted or running.of != _identity(wanted[name])
        ]
        self._ask_to_stop(stale)
        self._look_for_code()
        for name, deployment in wanted.items():
            if name not in self._running and not self._still_stops(name):
                self._running[name] = self._start(deployment)

    def _look_for_code(self) -> None:
        """Call the daemons of deployments that have code now, and had none."""
        before, self._with_code = (
            self._with_code,
            self.instances.control.locations.deployments(SYSTEM),
        )
        for name in self._with_code - before:
            for loop in self._running[name].loops if name in self._running else ():
                self._turns.call(loop)

    def _start(self, deployment: Deployment) -> _DaemonSet:
        name = deployment.name
        # Fixed: it ends when the deployment changes, and daemons read it many times a second.
        workspace = DeploymentWorkspace(
            name, self.instances, base_url=self.base_url, fixed=deployment
        )
        instance = self.instances.get(deployment)
        logger.info("Starting the daemons of deployment %s", name)
        loops = [
            DaemonLoop(daemon, workspace, is_quiet=lambda: name not in self._with_code)
            for daemon in self._daemons_of(deployment, instance)
        ]
        stack = ExitStack()
        for loop in loops:
            if isinstance(loop.daemon, RunQueueDaemon):
                listener = stack.enter_context(
                    self.instances.control.dequeues.listen(SYSTEM, deployment)
                )
                listener.when_rung(partial(self._turns.call, loop))
            self._turns.add(loop)
        return _DaemonSet(_identity(deployment), loops, stack)

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
        return self._turns.stop(_STOP_SECONDS)

    def _ask_to_stop(self, names: Iterable[str]) -> None:
        for name in names:
            self._stopping[name] = stopping = self._running.pop(name)
            stopping.stack.close()
            for loop in stopping.loops:
                loop.stop()
                self._turns.call(loop)

    def _still_stops(self, name: str) -> bool:
        if name in self._stopping and self._stopping[name].has_ended:
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
