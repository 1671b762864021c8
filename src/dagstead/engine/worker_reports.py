"""What agents' heartbeats say about the workers of runs."""

from __future__ import annotations

from collections.abc import Sequence

from dagster._core.launcher.base import WorkerStatus
from dagster._serdes import deserialize_value
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus, CloudRunWorkerStatuses

from dagstead.plane.agents import Heartbeat
from dagstead.plane.launch_watch import WorkerReport, WorkerState

_STATES = {
    WorkerStatus.RUNNING: WorkerState.RUNNING,
    WorkerStatus.SUCCESS: WorkerState.ENDED,
    WorkerStatus.FAILED: WorkerState.ENDED,
    WorkerStatus.NOT_FOUND: WorkerState.ENDED,
}


def worker_reports(beat: Heartbeat) -> Sequence[WorkerReport]:
    """The lines of a heartbeat."""
    if beat.run_worker_statuses is None:
        return ()
    reported = deserialize_value(beat.run_worker_statuses, CloudRunWorkerStatuses)
    return [_report(beat, status) for status in reported.statuses]


def _report(beat: Heartbeat, status: CloudRunWorkerStatus) -> WorkerReport:
    state = _STATES.get(status.status_type, WorkerState.UNKNOWN)
    if status.status_type is WorkerStatus.SUCCESS and not beat.is_pool:
        # A container that ended well has reported the run's end itself.
        state = WorkerState.UNKNOWN
    return WorkerReport(
        run_id=status.run_id,
        state=state,
        message=status.message or "",
        agent_id=beat.label or beat.agent_id,
        received_at=beat.received_at,
        is_exit_record=beat.is_pool,
        launch=_launch_of(status) if beat.is_pool else None,
        is_killed=beat.is_pool and bool(status.transient),
        is_lost=status.status_type is WorkerStatus.NOT_FOUND,
    )


def _launch_of(status: CloudRunWorkerStatus) -> int | None:
    """The number of the launch, which the pool writes behind the number of the process."""
    _, _, number = (status.run_worker_id or "").rpartition(" of launch ")
    return int(number) if number.isdecimal() else None
