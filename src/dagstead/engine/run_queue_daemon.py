"""The daemon that takes runs from the run queue of a deployment, as far as their queues allow."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from threading import Event
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.instance.config import ConcurrencyConfig
from dagster._core.workspace.context import (
    BaseWorkspaceRequestContext,
    IWorkspaceProcessContext,
)
from dagster._daemon.daemon import DaemonIterator
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster._utils.error import serializable_error_info_from_exc_info

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.control.dequeues import RunInLine
from dagstead.engine.run_origins import origin_of
from dagstead.plane.deployments import Deployment

#: How soon a daemon sees that it is to stop, and how often it looks at most, in seconds.
_NOTICE_SECONDS = 0.5
_LEAST_SECONDS = 0.02


class RunQueueDaemon(QueuedRunCoordinatorDaemon):
    """Open-source Dagster's, which asks the control plane about agent queues.

    Dagster sorts the runs of a page before it looks at its own limits: there, what a queue holds is
    left out, so that it takes no place of others. It takes each run by itself: there, the run gets
    its slot, or stays queued. Between its looks it listens for runs that are queued or end, and
    looks at once.
    """

    def __init__(self, interval_seconds: float, control: Control, deployment: Deployment) -> None:
        """For the run queue of one deployment."""
        super().__init__(interval_seconds)
        self._control = control
        self._deployment = deployment

    def core_loop(
        self,
        workspace_process_context: IWorkspaceProcessContext[Any],
        shutdown_event: Event,
    ) -> DaemonIterator:
        """See the base class."""
        with self._control.dequeues.listen(SYSTEM, self._deployment) as listener:
            while True:
                due = time.monotonic() + self.interval_seconds
                try:
                    yield from self.run_iteration(workspace_process_context)
                except Exception:  # noqa: BLE001 - as open-source Dagster's loop
                    error = serializable_error_info_from_exc_info(sys.exc_info())
                    self._logger.error("Caught error:\n%s", error)  # noqa: TRY400
                    yield error
                is_rung = shutdown_event.wait(_LEAST_SECONDS)
                while not is_rung and (left := due - time.monotonic()) > 0:
                    is_rung = listener.wait(min(left, _NOTICE_SECONDS)) or shutdown_event.is_set()
                    yield None
                yield None

    def _priority_sort(self, runs: Iterable[DagsterRun]) -> list[DagsterRun]:
        ordered = super()._priority_sort(runs)
        choice = self._control.dequeues.look(
            SYSTEM, self._deployment, [_in_line(run) for run in ordered]
        )
        by_id = {run.run_id: run for run in ordered}
        return [by_id[each.run_id] for each in choice.order]

    def _dequeue_run(
        self,
        instance: DagsterInstance,
        workspace: BaseWorkspaceRequestContext,
        run: DagsterRun,
        concurrency_config: ConcurrencyConfig,
        fixed_iteration_time: float | None,
    ) -> bool:
        dequeues = self._control.dequeues
        if dequeues.admit(SYSTEM, self._deployment, _in_line(run)) is not None:
            return False
        is_taken = super()._dequeue_run(
            instance, workspace, run, concurrency_config, fixed_iteration_time
        )
        if not is_taken and _is_queued(instance, run.run_id):
            dequeues.put_back(SYSTEM, self._deployment, run.run_id)
        return is_taken


def _in_line(run: DagsterRun) -> RunInLine:
    return RunInLine(run_id=run.run_id, location=origin_of(run).location)


def _is_queued(instance: DagsterInstance, run_id: str) -> bool:
    run: Any = instance.get_run_by_id(run_id)
    return run is not None and run.status is DagsterRunStatus.QUEUED
