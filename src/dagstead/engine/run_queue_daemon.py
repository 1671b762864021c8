"""The daemon that takes runs from the run queue of a deployment, as far as their queues allow."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from threading import Event
from typing import Any

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
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

#: How long it rests while no run is queued. It is called when one is, unless that call is lost.
_REST_SECONDS = 5.0


class RunQueueDaemon(QueuedRunCoordinatorDaemon):
    """Open-source Dagster's, which asks the control plane about agent queues.

    Dagster sorts the runs of a page before it looks at its own limits: there, what a queue holds is
    left out, so that it takes no place of others. It takes each run by itself: there, the run gets
    its slot, or stays queued. It rests between its looks, and is called when a run is queued or
    ends.
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
        while True:
            try:
                yield from self.run_iteration(workspace_process_context)
                holds = _holds_runs(workspace_process_context.instance)
            except Exception:  # noqa: BLE001 - as open-source Dagster's loop
                error = serializable_error_info_from_exc_info(sys.exc_info())
                self._logger.error("Caught error:\n%s", error)  # noqa: TRY400
                yield error
                holds = True
            least = 0.0 if holds else _REST_SECONDS
            shutdown_event.wait(max(self.interval_seconds, least))
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


def _holds_runs(instance: DagsterInstance) -> bool:
    queued = RunsFilter(statuses=[DagsterRunStatus.QUEUED])
    return bool(instance.get_run_ids(queued, limit=1))


def _is_queued(instance: DagsterInstance, run_id: str) -> bool:
    run: Any = instance.get_run_by_id(run_id)
    return run is not None and run.status is DagsterRunStatus.QUEUED
