"""Dagster behind the port of the control plane."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events import EngineEventData
from dagster._core.storage.dagster_run import (
    ACTIVE_RUN_STATUSES,
    FINISHED_STATUSES,
    NOT_FINISHED_STATUSES,
)
from dagster._core.storage.defs_state.base import DEFS_STATE_INFO_CURSOR_KEY
from dagster._core.storage.tags import ROOT_RUN_ID_TAG
from dagster._core.workspace.workspace import CurrentWorkspace
from dagster._serdes import deserialize_value, serialize_value
from dagster._time import datetime_from_timestamp
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiErrorResponse,
    DagsterCloudApiRequest,
)
from dagster_shared.check.record import is_record
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.record import replace
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

from dagstead.control.orchestration import OutgoingRequest
from dagstead.control.requests import REFUSED_AT_THE_GATE
from dagstead.engine import alert_news
from dagstead.engine.automations import Automations
from dagstead.engine.base_graphs import BaseGraphs
from dagstead.engine.calls import AgentCalls
from dagstead.engine.deployment_instance import DeploymentInstance
from dagstead.engine.isolation import isolated_if_needed
from dagstead.engine.late_schedules import LateSchedules
from dagstead.engine.load_errors import agent_error, lines_of
from dagstead.engine.run_origins import origin_of
from dagstead.engine.run_queue import read_queue, read_run
from dagstead.engine.worker_reports import worker_reports
from dagstead.errors import DagsteadError, LocationNotFoundError
from dagstead.plane.agents import Heartbeat
from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_news import EndedRuns
from dagstead.plane.alerts import AlertAsset, AlertAutomation, AlertRun
from dagstead.plane.branches import BaseDefinitions
from dagstead.plane.comparisons import AssetChange
from dagstead.plane.deployments import Deployment
from dagstead.plane.late_schedules import LateSchedule
from dagstead.plane.launch_watch import WorkerReport
from dagstead.plane.launches import Launch, RunEnd, RunOrigin, RunUnderWay
from dagstead.plane.requests import Request
from dagstead.plane.run_queue import QueuedRun, RunQueue

logger = logging.getLogger(__name__)

#: A launch comes too late for a run with one of these statuses.
_NOT_TO_LAUNCH = frozenset(
    {
        DagsterRunStatus.SUCCESS,
        DagsterRunStatus.FAILURE,
        DagsterRunStatus.CANCELED,
        DagsterRunStatus.CANCELING,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DagsterOrchestration:
    """Implements :class:`dagstead.control.orchestration.Orchestration`."""

    instance_of: Callable[[Deployment], DagsterInstance]
    calls: AgentCalls
    base_graphs: BaseGraphs
    automations: Automations
    schedules: LateSchedules
    #: Closes a deployment's instance, and removes everything that it stored.
    drop_stored: Callable[[str], None]

    def request_body(self, outgoing: OutgoingRequest) -> str:
        """See the protocol."""
        return serialize_value(
            DagsterCloudApiRequest(
                request_id=outgoing.id,
                request_api=DagsterCloudApi(outgoing.api),
                request_args=_without_instance_ref(outgoing.args),
                deployment_name=outgoing.deployment.name,
                expire_at=outgoing.expires_at,
                is_branch_deployment=outgoing.deployment.is_branch,
            )
        )

    def wants_to_start(self, deployment: Deployment, run_id: str) -> bool:
        """See the protocol."""
        run = self.instance_of(deployment).get_run_by_id(run_id)
        return run is not None and run.status not in _NOT_TO_LAUNCH

    def take_launch_answer(self, deployment: Deployment, request: Request, answer: str) -> None:
        """See the protocol."""
        response = deserialize_value(answer)
        if isinstance(response, DagsterCloudApiErrorResponse):
            self.calls.note_launched(deployment, str(request.location), response)
            fail_launch(
                self.instance_of(deployment),
                str(request.run_id),
                response.error_infos,
            )

    def origin_of(self, deployment: Deployment, run_id: str) -> RunOrigin | None:
        """See the protocol."""
        run = self.instance_of(deployment).get_run_by_id(run_id)
        return None if run is None else origin_of(run)

    def show_end(self, deployment: Deployment, launch: Launch) -> None:
        """See the protocol."""
        instance = self.instance_of(deployment)
        if isinstance(instance, DeploymentInstance):
            instance.show_end(launch)

    def ask_to_end(self, deployment: Deployment, launch: Launch) -> None:
        """See the protocol."""
        instance = self.instance_of(deployment)
        run = instance.get_run_by_id(launch.run_id)
        if run is None:
            return
        if run.status is not DagsterRunStatus.CANCELING:
            reason = None if launch.stop is None else launch.stop.reason
            instance.report_run_canceling(run, reason)
        self.calls.terminate_run(deployment, run)

    def offer_again(self, deployment: Deployment, launch: Launch) -> str | None:
        """See the protocol."""
        instance = self.instance_of(deployment)
        run = instance.get_run_by_id(launch.run_id)
        if run is not None and run.status is DagsterRunStatus.STARTING:
            run = isolated_if_needed(self.calls.control, deployment, instance, run)
            try:
                self.calls.launch_run(deployment, run)
            except (LocationNotFoundError, DagsterUserCodeUnreachableError) as error:
                return f"The run cannot be launched: {error}"
        return None

    def note(self, deployment: Deployment, run_id: str, sentence: str) -> None:
        """See the protocol."""
        instance = self.instance_of(deployment)
        run = instance.get_run_by_id(run_id)
        if run is not None:
            instance.report_engine_event(sentence, run)

    def run(self, deployment: Deployment, run_id: str) -> QueuedRun | None:
        """See the protocol."""
        return read_run(self.instance_of(deployment), run_id)

    def run_queue(self, deployment: Deployment, run_ids: Collection[str]) -> RunQueue:
        """See the protocol."""
        return read_queue(self.instance_of(deployment), deployment.name, run_ids)

    def error_lines(self, error: str) -> Sequence[str]:
        """See the protocol."""
        return lines_of(deserialize_value(error, SerializableErrorInfo))

    def agent_error(self, error: str) -> str:
        """See the protocol."""
        return agent_error(error)

    def under_way(self, deployment: Deployment) -> Sequence[RunUnderWay]:
        """See the protocol."""
        wanted = RunsFilter(statuses=[*ACTIVE_RUN_STATUSES])
        started = {DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING}
        return [
            RunUnderWay(run_id=run.run_id, is_started=run.status in started)
            for run in self.instance_of(deployment).get_runs(wanted)
        ]

    def ended(self, deployment: Deployment, run_ids: Collection[str]) -> Mapping[str, RunEnd]:
        """See the protocol."""
        if not run_ids:
            return {}
        wanted = RunsFilter(run_ids=sorted(run_ids), statuses=[*FINISHED_STATUSES])
        found = self.instance_of(deployment).get_runs(wanted)
        return {run.run_id: RunEnd(run.status.value) for run in found}

    def never_submitted(self, deployment: Deployment, before: float) -> Sequence[str]:
        """See the protocol."""
        created = RunsFilter(
            statuses=[DagsterRunStatus.NOT_STARTED], created_before=datetime_from_timestamp(before)
        )
        return self.instance_of(deployment).get_run_ids(created)

    def last_sign(self, deployment: Deployment, run_id: str) -> float | None:
        """See the protocol."""
        instance = self.instance_of(deployment)
        page = instance.get_records_for_run(run_id, limit=1, ascending=False)
        return max((record.event_log_entry.timestamp for record in page.records), default=None)

    def worker_reports(self, beat: Heartbeat) -> Sequence[WorkerReport]:
        """See the protocol."""
        return worker_reports(beat)

    def unfinished(self, deployment: Deployment) -> list[str]:
        """See the protocol."""
        unfinished = RunsFilter(statuses=NOT_FINISHED_STATUSES)
        return list(self.instance_of(deployment).get_run_ids(unfinished))

    def runs_needed(self, deployment: Deployment) -> frozenset[str]:
        """See the protocol."""
        instance = self.instance_of(deployment)
        unfinished = instance.get_runs(RunsFilter(statuses=NOT_FINISHED_STATUSES))
        roots = {run.root_run_id for run in unfinished if run.root_run_id is not None}
        # A run that is repeated from its failure reads what all tries before it have stored.
        tries = (
            instance.get_run_ids(RunsFilter(tags={ROOT_RUN_ID_TAG: root})) for root in sorted(roots)
        )
        return frozenset(run.run_id for run in unfinished).union(roots, *tries)

    def state_versions(self, deployment: Deployment) -> frozenset[str]:
        """See the protocol."""
        storage = self.instance_of(deployment).run_storage
        keys = {DEFS_STATE_INFO_CURSOR_KEY}
        stored = storage.get_cursor_values(keys).get(DEFS_STATE_INFO_CURSOR_KEY)
        info = deserialize_value(stored, DefsStateInfo) if stored else DefsStateInfo.empty()
        return frozenset(state.version for state in info.info_mapping.values() if state is not None)

    def terminate(self, deployment: Deployment, run_id: str) -> bool:
        """See the protocol."""
        try:
            return self.instance_of(deployment).run_coordinator.cancel_run(run_id)
        except (DagsteadError, DagsterUserCodeUnreachableError) as error:
            # Its location was removed, for example.
            logger.warning("Run %s cannot be ended: %s", run_id, error)
            return False

    def newest_run_at(self, deployment: Deployment) -> float | None:
        """See the protocol."""
        found = self.instance_of(deployment).get_run_records(limit=1)
        return max((record.create_timestamp.timestamp() for record in found), default=None)

    def ended_since(
        self, deployment: Deployment, after: Mapping[AlertEvent, int | None], now: float
    ) -> EndedRuns:
        """See the protocol."""
        return alert_news.ended_runs(self.instance_of(deployment), after, now)

    def long_runs(self, deployment: Deployment, started_before: float) -> Sequence[AlertRun]:
        """See the protocol."""
        return alert_news.long_runs(self.instance_of(deployment), started_before)

    def failed_assets(self, deployment: Deployment, run_id: str) -> Sequence[AlertAsset]:
        """See the protocol."""
        workspace = self._workspace(deployment)
        return alert_news.failed_assets(self.instance_of(deployment), workspace, run_id)

    def failing_automations(self, deployment: Deployment) -> Sequence[AlertAutomation]:
        """See the protocol."""
        return alert_news.failing_automations(
            self.instance_of(deployment), partial(self.automations.named, deployment)
        )

    def late_schedules(
        self, deployment: Deployment, now: float, *, is_whole: bool
    ) -> Sequence[LateSchedule]:
        """See the protocol."""
        return self.schedules.of(deployment, now, is_whole=is_whole)

    def compare(self, deployment: Deployment, base: BaseDefinitions) -> Sequence[AssetChange]:
        """See the protocol."""
        return list(self.base_graphs.changes(deployment, base))

    def _workspace(self, deployment: Deployment) -> CurrentWorkspace:
        """The code locations of a deployment, as they serve now."""
        return self.base_graphs.of(BaseDefinitions(base=deployment, snapshot=None))

    def drop(self, name: str) -> None:
        """See the protocol."""
        self.drop_stored(name)


def fail_launch(
    instance: DagsterInstance,
    run_id: str,
    errors: Sequence[SerializableErrorInfo],
) -> None:
    """Fail a run that an agent could not launch, unless the agent was refused at the gate.

    Args:
        instance: of the run's deployment.
        run_id: the run.
        errors: reported by the agent; the first one becomes the reason.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if any(REFUSED_AT_THE_GATE in error.message for error in errors):
        return
    first = errors[0] if errors else None
    if first is not None:
        instance.report_engine_event(
            "The agent could not launch this run.",
            run,
            engine_event_data=EngineEventData.engine_error(first),
        )
    reason = first.message.strip() if first else "it gave no reason"
    instance.report_run_failed(run, f"The agent could not launch this run: {reason}")


def _without_instance_ref(args: object) -> object:
    # The instance ref of the control plane has its database address; agents use their own.
    if getattr(args, "instance_ref", None) is None:
        return args
    # Argument classes are records or, if they are older, named tuples; some records look like named
    # tuples.
    if is_record(args):
        return replace(args, instance_ref=None)
    return args._replace(instance_ref=None)  # type: ignore[attr-defined]
