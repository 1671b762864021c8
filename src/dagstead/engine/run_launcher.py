"""Launches and terminates runs through the request queue, and reports their workers' health."""

from __future__ import annotations

from collections.abc import Sequence

from dagster import DagsterInstance, DagsterRun
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._serdes import deserialize_value
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus, CloudRunWorkerStatuses

from dagstead.control.actor import SYSTEM
from dagstead.engine.calls import AgentCalls, location_of_run
from dagstead.plane.agents import POOL_LABEL, Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.requests import RequestState

#: The official agent puts these tags on every run that it launches.
AGENT_ID_TAG = "dagster/agent_id"
AGENT_LABEL_TAG = "dagster/agent_label"

#: Official agents check their workers every 30 seconds, and report the result up to 30 seconds
#: later; the rest is for a busy machine.
_OLD_NEWS_SECONDS = 75.0
_LOST = frozenset({WorkerStatus.FAILED, WorkerStatus.NOT_FOUND})


class AgentRunLauncher(RunLauncher[DagsterInstance]):
    """Puts the launches of open-source daemons on the queues of a deployment."""

    def __init__(self, calls: AgentCalls, deployment: Deployment) -> None:
        self._calls = calls
        self._deployment = deployment

    def launch_run(self, context: LaunchRunContext) -> None:
        """Queue the launch; the run stays STARTING until its worker reports."""
        run = context.dagster_run
        self._calls.launch_run(self._deployment, run)
        reason = self._why_unserved(run)
        if reason:
            self._instance.report_engine_event(f"Waiting for an agent. {reason}", run)

    def terminate(self, run_id: str) -> bool:
        """Withdraw a launch that no agent has taken yet, or ask the run's agent to end the run."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        requests = self._calls.control.requests
        waiting = [
            request.id
            for request in requests.launches(SYSTEM, self._deployment, run_id)
            if request.state is RequestState.WAITING
        ]
        if waiting and requests.withdraw(SYSTEM, self._deployment, waiting):
            self._instance.report_run_canceled(run, message="No agent had taken this run yet.")
            return True
        self._calls.terminate_run(self._deployment, run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Agents report their workers' health in heartbeats."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """The health of a run's worker, as its agent last reported it.

        An agent that cannot watch its workers, or sends no heartbeats, reports nothing. Then the
        worker counts as running, since it may well be.
        """
        status = self._worker_status(run)
        if status is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if status.status_type is WorkerStatus.UNKNOWN:
            return CheckRunHealthResult(WorkerStatus.RUNNING, status.message)
        return CheckRunHealthResult(
            status.status_type,
            status.message,
            transient=status.transient,
            run_worker_id=status.run_worker_id,
        )

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002, FBT001, FBT002 - upstream's
    ) -> str | None:
        """Why a run's worker has not appeared, for the message that fails the run."""
        requests = self._calls.control.requests
        launches = requests.launches(SYSTEM, self._deployment, run.run_id)
        if any(request.state is RequestState.WAITING for request in launches):
            # The run is about to be failed: no agent may start it after that.
            requests.expire(SYSTEM, self._deployment, [request.id for request in launches])
            return self._why_unserved(run) or (
                "Its launch waits on a queue whose agent is alive and has not taken it: the agent "
                "is busy, or its token does not grant this deployment. See `dagstead agent list`."
            )
        if any(request.state is RequestState.LEASED for request in launches):
            return "An agent took its launch and has not reported since. Look at the agent's log."
        return "An agent launched it, and its worker never reported. Look at the agent's log."

    def _why_unserved(self, run: DagsterRun) -> str | None:
        control = self._calls.control
        location = control.locations.get(SYSTEM, self._deployment, location_of_run(run))
        return control.availability.why_unserved(
            SYSTEM, self._deployment, location.name, location.queue
        )

    def _worker_status(self, run: DagsterRun) -> CloudRunWorkerStatus | None:
        beats = self._calls.control.agents.alive(SYSTEM, self._deployment)
        # Newest first: an agent that was replaced still counts as alive for a while.
        for beat in sorted(beats, key=lambda beat: beat.received_at, reverse=True):
            if beat.run_worker_statuses and _watches(beat, run):
                reported = deserialize_value(beat.run_worker_statuses, CloudRunWorkerStatuses)
                status = _find(reported.statuses, run.run_id)
                if status is not None:
                    return None if self._is_old_news(beat, status) else status
        return None

    def _is_old_news(self, beat: Heartbeat, status: CloudRunWorkerStatus) -> bool:
        """Whether a report of a lost worker may be older than the start of that worker.

        The Docker launcher calls a container lost until it has started, and until the run has a tag
        with its id, which comes later. By the time of the heartbeat, such a run may be under way.
        The pool's launcher knows its workers from the first moment.
        """
        if beat.is_pool or status.status_type not in _LOST:
            return False
        record = self._instance.get_run_record_by_id(status.run_id)
        start = None if record is None else record.start_time
        return start is None or beat.received_at < start + _OLD_NEWS_SECONDS


def _watches(beat: Heartbeat, run: DagsterRun) -> bool:
    # A new agent of the pool watches the workers of the agent before it, and reports no others. Any
    # other official agent reports workers as lost that it has not started itself.
    of_pool = beat.is_pool and run.tags.get(AGENT_LABEL_TAG) == POOL_LABEL
    return of_pool or beat.agent_id == run.tags.get(AGENT_ID_TAG)


def _find(statuses: Sequence[CloudRunWorkerStatus], run_id: str) -> CloudRunWorkerStatus | None:
    return next((status for status in statuses if status.run_id == run_id), None)
