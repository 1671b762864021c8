"""The only port to Dagster: what acts ask of it, without how that is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

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


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingRequest:
    """A request that is not yet in the form that agents read."""

    id: str
    api: str
    deployment: Deployment
    expires_at: float
    #: What the API takes: an object of the official packages, or ``None``.
    args: object = None


class Orchestration(Protocol):
    """What Dagster does for the control plane. It can be called from all threads."""

    def request_body(self, outgoing: OutgoingRequest) -> str:
        """A request in the form that agents read."""

    def wants_to_start(self, deployment: Deployment, run_id: str) -> bool:
        """Whether a run that was queued for its launch should still start."""

    def take_launch_answer(self, deployment: Deployment, request: Request, answer: str) -> None:
        """Fail the run of a launch if the agent answered that it could not start it."""

    def origin_of(self, deployment: Deployment, run_id: str) -> RunOrigin | None:
        """Where a run comes from; ``None`` when none has this id."""

    def show_end(self, deployment: Deployment, launch: Launch) -> None:
        """Have Dagster's storage show how a run has ended; it may be called again."""

    def ask_to_end(self, deployment: Deployment, launch: Launch) -> None:
        """Have the agent of a launch end its worker; it may be called again."""

    def offer_again(self, deployment: Deployment, launch: Launch) -> str | None:
        """Offer a launch of a starting run to agents; returns why it cannot be offered any more."""

    def note(self, deployment: Deployment, run_id: str, sentence: str) -> None:
        """Write a sentence into a run's log."""

    def run(self, deployment: Deployment, run_id: str) -> QueuedRun | None:
        """One run; ``None`` when there is none of that id."""

    def run_queue(self, deployment: Deployment, run_ids: Collection[str]) -> RunQueue:
        """The run queue, with those of these runs that are queued."""

    def error_lines(self, error: str) -> Sequence[str]:
        """The messages of a load error as agents report it, the innermost first."""

    def agent_error(self, error: str) -> str:
        """The message of an error in an agent's heartbeat."""

    def under_way(self, deployment: Deployment) -> Sequence[RunUnderWay]:
        """The runs that are starting, started, or being ended."""

    def ended(self, deployment: Deployment, run_ids: Collection[str]) -> Mapping[str, RunEnd]:
        """How those of the runs have ended that have."""

    def never_submitted(self, deployment: Deployment, before: float) -> Sequence[str]:
        """The runs that were created before that time and never came into the run queue."""

    def last_sign(self, deployment: Deployment, run_id: str) -> float | None:
        """When the run's log got its last entry, in seconds since 1970."""

    def worker_reports(self, beat: Heartbeat) -> Sequence[WorkerReport]:
        """What an agent's heartbeat says about the workers of its runs."""

    def unfinished(self, deployment: Deployment) -> list[str]:
        """The runs of a deployment that have not ended."""

    def runs_needed(self, deployment: Deployment) -> frozenset[str]:
        """Runs that have not ended, and those whose outputs they may read as they repeat them."""

    def state_versions(self, deployment: Deployment) -> frozenset[str]:
        """The latest versions of the state of a deployment's components."""

    def terminate(self, deployment: Deployment, run_id: str) -> bool:
        """Have a run end; returns whether a live agent, or nobody, has to do it."""

    def newest_run_at(self, deployment: Deployment) -> float | None:
        """When the newest run of a deployment was created; ``None`` when it has none."""

    def ended_since(
        self, deployment: Deployment, after: Mapping[AlertEvent, int | None], now: float
    ) -> EndedRuns:
        """The runs that have failed or succeeded since the last look, each of them once.

        Args:
            deployment: whose runs.
            after: where to go on, for JOB_FAILURE or JOB_SUCCESS or both; with ``None`` nothing is
                read but where to go on the next time.
            now: in seconds since 1970. A failure of a moment ago is for the next look if it is not
                known yet whether its run is retried.
        """

    def long_runs(self, deployment: Deployment, started_before: float) -> Sequence[AlertRun]:
        """The runs under way that began before a time."""

    def failed_assets(self, deployment: Deployment, run_id: str) -> Sequence[AlertAsset]:
        """The assets that a failed run was to materialize, and did not."""

    def failing_automations(self, deployment: Deployment) -> Sequence[AlertAutomation]:
        """The running schedules and sensors whose last tick has failed."""

    def late_schedules(
        self, deployment: Deployment, now: float, *, is_whole: bool
    ) -> Sequence[LateSchedule]:
        """Running schedules that should have ticked.

        Unless ``is_whole``, those are missing whose definitions would take long to read.
        """

    def compare(self, deployment: Deployment, base: BaseDefinitions) -> Sequence[AssetChange]:
        """The assets that are not the same in a branch deployment and in its base."""

    def drop(self, name: str) -> None:
        """Remove everything that a deleted deployment stored: its runs, events and logs."""
