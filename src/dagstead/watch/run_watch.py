"""Looks after runs from their launch to their end: nobody else owns those that report nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_watch import (
    ASKING_SECONDS,
    Evidence,
    Limits,
    Verdict,
    WorkerReport,
    asks_regularly,
    is_start_overdue,
    judge,
    unknown_since,
)
from dagstead.plane.launches import Launch, LaunchState

logger = logging.getLogger(__name__)

#: Official agents send a heartbeat every 30 seconds: with a longer pause, it was not heard.
_PAUSE_SECONDS = 45.0

#: A process that records an end shows it at once, and one that takes a run from the run queue
#: offers it at once. What is not done by then, it never did.
_DONE_SECONDS = 20.0

#: How often runs are looked for that Dagster's storage shows otherwise than our records.
_COMPARE_SECONDS = 60.0


@dataclass(slots=True)
class RunWatch:
    """Runs in the daemon process, every few seconds."""

    control: Control
    #: Since when agents have been heard without a pause, by token, as far as this process has seen.
    _heard_since: dict[int, float] = field(default_factory=dict)
    #: When this process last asked an agent to end a run, by deployment and run.
    _reminded: dict[tuple[str, str], float] = field(default_factory=dict)
    #: Since when a run is taken from the run queue and not offered, by deployment and run.
    _dequeued: dict[tuple[str, str], float] = field(default_factory=dict)
    #: When Dagster's storage is compared with our records next.
    _compare_at: float = 0.0

    def look(self) -> None:
        """Show ends that are recorded, and end what is known to have ended or is overdue."""
        now = self.control.clock()
        beats = self.control.agents.granted(SYSTEM)
        self._listen(beats, now)
        compares = now >= self._compare_at
        if compares:
            self._compare_at = now + _COMPARE_SECONDS
        deployments = self.control.deployments.granted(SYSTEM)
        for deployment in deployments if compares else ():
            self.control.launches.compare(SYSTEM, deployment)
            self.control.launches.end_unsubmitted(SYSTEM, deployment)
        watched = self.control.launches.watched(SYSTEM)
        for deployment in deployments:
            if deployment.name not in watched:
                continue
            for launch in self.control.launches.unshown(SYSTEM, deployment, _DONE_SECONDS):
                logger.warning("Showing the end of run %s, which was recorded", launch.run_id)
                self.control.launches.carry_out(SYSTEM, deployment, launch)
            if launches := self.control.launches.open(SYSTEM, deployment):
                self._look_at(deployment, launches, now)

    def _listen(self, beats: Iterable[Heartbeat], now: float) -> None:
        heard = {beat.token_id for beat in beats if now - beat.received_at <= _PAUSE_SECONDS}
        self._heard_since = {token: self._heard_since.get(token, now) for token in heard}

    def _look_at(self, deployment: Deployment, launches: Sequence[Launch], now: float) -> None:
        limits = Limits.of(deployment.settings)
        if self.control.pauses.current(SYSTEM) is not None:
            limits = replace(limits, start=0.0)
        beats = self.control.agents.of(SYSTEM, deployment)
        alive = [beat for beat in beats if beat.is_alive(now)]
        reports = self.control.launches.worker_reports(SYSTEM, deployment, alive)
        for launch in launches:
            if not launch.is_offered:
                self._offer(deployment, launch, now)
                continue
            self._dequeued.pop((launch.deployment, launch.run_id), None)
            evidence = self._evidence(deployment, launch, beats, reports)
            since = unknown_since(launch, evidence, now)
            if since != launch.unknown_since:
                self.control.launches.see(SYSTEM, deployment, launch, since)
            self._do(deployment, launch, judge(launch, evidence, limits, now), now)

    def _offer(self, deployment: Deployment, launch: Launch, now: float) -> None:
        """Offer a launch whose process died before it did; a daemon may be about to do it."""
        since = self._dequeued.setdefault((launch.deployment, launch.run_id), now)
        if launch.state is LaunchState.QUEUED or now - since >= _DONE_SECONDS:
            self.control.launches.offer_again(SYSTEM, deployment, launch)

    def _evidence(
        self,
        deployment: Deployment,
        launch: Launch,
        beats: Sequence[Heartbeat],
        reports: Mapping[str, WorkerReport],
    ) -> Evidence:
        now = self.control.clock()
        holder = next((beat for beat in beats if launch.is_with(beat.key)), None)
        is_overdue = asks_regularly(launch) and now - (launch.asked_at or now) >= ASKING_SECONDS
        last_sign = self.control.launches.last_sign
        has_silent = self.control.launches.has_silent_workers
        is_begun = launch.state is LaunchState.BEGUN
        limits = Limits.of(deployment.settings)
        is_late = not is_begun and now - (launch.offered_at or now) >= limits.start
        is_to_end = launch.stop is not None or is_start_overdue(launch, limits, now)
        out_of_reach = self.control.launches.why_out_of_reach
        waiting = self.control.launches.why_waiting
        ended_at = self.control.launches.ended_by_agent_at
        return Evidence(
            report=reports.get(launch.run_id) if is_begun else None,
            unreachable=out_of_reach(SYSTEM, deployment, launch) if is_to_end else None,
            ended_by_agent_at=ended_at(SYSTEM, deployment, launch) if launch.stop else None,
            waiting=waiting(SYSTEM, deployment, launch) if is_late else None,
            heard_since=None if holder is None else self._heard_since.get(holder.token_id),
            is_not_isolated=is_overdue and has_silent(SYSTEM, launch),
            last_sign=last_sign(SYSTEM, deployment, launch) if is_overdue else None,
            holder_lost_at=_lost_at(launch, holder, now),
            reminded_at=self._reminded.get((launch.deployment, launch.run_id)),
        )

    def _do(self, deployment: Deployment, launch: Launch, verdict: Verdict, now: float) -> None:
        control, key = self.control.launches, (launch.deployment, launch.run_id)
        if verdict.ending is not None:
            logger.warning("Ending run %s: %s", launch.run_id, verdict.ending.reason)
            step = control.end(SYSTEM, deployment, launch.run_id, verdict.ending, launch.number)
            if step.successor is not None:
                control.offer_again(SYSTEM, deployment, step.successor)
            elif step.counts and step.launch is not None:
                control.carry_out(SYSTEM, deployment, step.launch)
            self._reminded.pop(key, None)
        elif verdict.wish is not None:
            step = control.stop(SYSTEM, deployment, launch.run_id, verdict.wish)
            if step.counts and step.launch is not None:
                control.carry_out(SYSTEM, deployment, step.launch)
                self._reminded[key] = now
        elif verdict.remind:
            self._reminded[key] = now
            control.remind(SYSTEM, deployment, launch)


def _lost_at(launch: Launch, holder: Heartbeat | None, now: float) -> float | None:
    """When the agent of a launch was last heard, if it is gone."""
    if holder is None:
        # Agents that are long gone are forgotten.
        return launch.unknown_since
    return None if holder.is_alive(now) else holder.received_at
