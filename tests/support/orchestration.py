"""Stands for Dagster where a test has no runs: it keeps what acts ask of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dagstead.control.all import Control, control_over
from dagstead.control.image_registry import ImageRegistry
from dagstead.control.orchestration import OutgoingRequest
from dagstead.plane.agents import Heartbeat
from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_news import EndedRun, EndedRuns
from dagstead.plane.alerts import AlertAsset, AlertAutomation, AlertRun
from dagstead.plane.branches import BaseDefinitions
from dagstead.plane.comparisons import AssetChange
from dagstead.plane.deployments import Deployment
from dagstead.plane.late_schedules import LateSchedule
from dagstead.plane.launch_watch import WorkerReport
from dagstead.plane.launches import Launch, RunEnd, RunOrigin, RunUnderWay
from dagstead.plane.requests import Request
from dagstead.plane.run_queue import QueuedRun, QueueLimits, RunQueue, RunStatus
from dagstead.store.all import Store


@dataclass
class NoDagster:
    """An :class:`dagstead.control.orchestration.Orchestration` without runs."""

    #: Deployments whose storage was removed.
    dropped: list[str] = field(default_factory=list)
    #: Runs that have not ended, by deployment.
    unfinished_runs: dict[str, list[str]] = field(default_factory=dict)
    #: Runs that no live agent can end.
    out_of_reach: set[str] = field(default_factory=set)
    #: Runs that do not want to start any more.
    ended_runs: set[str] = field(default_factory=set)
    #: Requests to launch a run that were answered.
    answered: list[str] = field(default_factory=list)
    #: Ends that were shown, with their deployment.
    shown: list[tuple[str, Launch]] = field(default_factory=list)
    #: Runs whose agents were asked to end them, and runs that were launched once more.
    asked_to_end: list[str] = field(default_factory=list)
    offered_again: list[str] = field(default_factory=list)
    #: Sentences for the logs of runs.
    notes: list[tuple[str, str]] = field(default_factory=list)
    #: What Dagster's storage shows as under way.
    runs: Sequence[RunUnderWay] = ()
    #: Runs as Dagster's storage has them, and the limits of their queue.
    stored: dict[str, QueuedRun] = field(default_factory=dict)
    stored_in: str = "prod"
    limits: QueueLimits = field(default_factory=QueueLimits)
    #: By run and by agent: what is known of them.
    signs: dict[str, float] = field(default_factory=dict)
    reports: dict[str, Sequence[WorkerReport]] = field(default_factory=dict)
    #: Of runs that are in Dagster's storage.
    origins: dict[str, RunOrigin] = field(default_factory=dict)
    #: What alerts are about.
    alert_runs: list[EndedRun] = field(default_factory=list)
    running_since: list[AlertRun] = field(default_factory=list)
    unmade_assets: dict[str, list[AlertAsset]] = field(default_factory=dict)
    failing: list[AlertAutomation] = field(default_factory=list)
    #: Schedules that do not tick, of all deployments.
    late: Sequence[LateSchedule] = ()
    #: When the newest run of every deployment was created.
    newest_run: float | None = None

    def request_body(self, outgoing: OutgoingRequest) -> str:
        return json.dumps({"id": outgoing.id, "api": outgoing.api})

    def wants_to_start(self, _deployment: Deployment, run_id: str) -> bool:
        return run_id not in self.ended_runs

    def take_launch_answer(self, _deployment: Deployment, request: Request, _answer: str) -> None:
        self.answered.append(request.id)

    def origin_of(self, _deployment: Deployment, run_id: str) -> RunOrigin | None:
        return self.origins.get(run_id)

    def show_end(self, deployment: Deployment, launch: Launch) -> None:
        self.shown.append((deployment.name, launch))

    def ask_to_end(self, _deployment: Deployment, launch: Launch) -> None:
        self.asked_to_end.append(launch.run_id)

    def offer_again(self, _deployment: Deployment, launch: Launch) -> str | None:
        self.offered_again.append(launch.run_id)
        return None

    def ended_since(
        self, _deployment: Deployment, after: Mapping[AlertEvent, int | None], _now: float
    ) -> EndedRuns:
        begun = {event for event, position in after.items() if position is not None}
        found = [
            (number, each)
            for number, each in enumerate(self.alert_runs, start=1)
            if _end(each) in begun and number > (after[_end(each)] or 0)
        ]
        newest = len(self.alert_runs)
        return EndedRuns(runs=[each for _, each in found], cursors=dict.fromkeys(after, newest))

    def long_runs(self, _deployment: Deployment, started_before: float) -> Sequence[AlertRun]:
        return [each for each in self.running_since if each.at <= started_before]

    def failed_assets(self, _deployment: Deployment, run_id: str) -> Sequence[AlertAsset]:
        return self.unmade_assets.get(run_id, [])

    def failing_automations(self, _deployment: Deployment) -> Sequence[AlertAutomation]:
        return self.failing

    def ended(self, _deployment: Deployment, _run_ids: Collection[str]) -> Mapping[str, RunEnd]:
        return {}

    def never_submitted(self, _deployment: Deployment, _before: float) -> Sequence[str]:
        return ()

    def note(self, _deployment: Deployment, run_id: str, sentence: str) -> None:
        self.notes.append((run_id, sentence))

    def under_way(self, _deployment: Deployment) -> Sequence[RunUnderWay]:
        return self.runs

    def run(self, deployment: Deployment, run_id: str) -> QueuedRun | None:
        return self.stored.get(run_id) if deployment.name == self.stored_in else None

    def run_queue(self, deployment: Deployment, run_ids: Collection[str]) -> RunQueue:
        under_way = {RunStatus.STARTING, RunStatus.STARTED, RunStatus.CANCELING}
        return RunQueue(
            deployment=deployment.name,
            queued=[
                run
                for run in self.stored.values()
                if run.run_id in run_ids and run.status is RunStatus.QUEUED
            ],
            active=[run for run in self.stored.values() if run.status in under_way],
            limits=self.limits,
        )

    def error_lines(self, error: str) -> Sequence[str]:
        return str(json.loads(error)["message"]).splitlines()

    def agent_error(self, error: str) -> str:
        return error

    def last_sign(self, _deployment: Deployment, run_id: str) -> float | None:
        return self.signs.get(run_id)

    def worker_reports(self, beat: Heartbeat) -> Sequence[WorkerReport]:
        return self.reports.get(beat.agent_id, ())

    def unfinished(self, deployment: Deployment) -> list[str]:
        return list(self.unfinished_runs.get(deployment.name, ()))

    def runs_needed(self, deployment: Deployment) -> frozenset[str]:
        return frozenset(self.unfinished(deployment))

    def state_versions(self, _deployment: Deployment) -> frozenset[str]:
        return frozenset()

    def terminate(self, deployment: Deployment, run_id: str) -> bool:
        if run_id in self.out_of_reach:
            return False
        if run_id in self.stored:
            self.stored[run_id] = replace(self.stored[run_id], status=RunStatus.CANCELED)
            return True
        self.unfinished_runs[deployment.name].remove(run_id)
        return True

    def newest_run_at(self, _deployment: Deployment) -> float | None:
        return self.newest_run

    def late_schedules(
        self,
        deployment: Deployment,
        _now: float,
        *,
        is_whole: bool,  # noqa: ARG002
    ) -> Sequence[LateSchedule]:
        return [each for each in self.late if each.deployment == deployment.name]

    def compare(self, _deployment: Deployment, _base: BaseDefinitions) -> Sequence[AssetChange]:
        return ()

    def drop(self, name: str) -> None:
        self.dropped.append(name)


def control_without_dagster(
    store: Store, orchestration: NoDagster | None = None, registry: ImageRegistry | None = None
) -> Control:
    """What the control plane does over a store, with nothing that runs."""
    chosen = orchestration or NoDagster()
    return control_over(store, store.bell, lambda: chosen, registry=registry)


def _end(run: EndedRun) -> AlertEvent:
    return AlertEvent.JOB_FAILURE if run.has_failed else AlertEvent.JOB_SUCCESS
