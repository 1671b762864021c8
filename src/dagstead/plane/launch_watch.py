"""What is known of a launch that has not ended, and what is to be done about it.

Death is known, never guessed: a run is not failed because it is silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dagstead.plane.deployments import section
from dagstead.plane.launch_machine.events import StopWish
from dagstead.plane.launch_machine.machine import ASKING_TIMES
from dagstead.plane.launches import How, Launch, LaunchEnd, LaunchState, RunEnd

#: Dagster+ fails a run whose worker has not appeared after 20 minutes.
DEFAULT_START_TIMEOUT_SECONDS = 1200.0
DEFAULT_CANCEL_TIMEOUT_SECONDS = 180.0

#: A worker of an isolated agent asks for its run every ten seconds.
ASKING_SECONDS = 60.0
#: It gives up asking after a minute without the server, and works on.
UNHEARD_SECONDS = 45.0

#: A worker that ended well may have its last events still on their way.
SETTLING_SECONDS = 15.0

#: Official agents check their workers every 30 seconds, and report the result up to 30 seconds
#: later; the rest is for a busy machine.
OLD_NEWS_SECONDS = 75.0

#: How often the pool launches a run whose process was killed before the run started.
MOST_LAUNCHES = 2

#: A worker that its agent has ended before it started the run may not say so. What comes up later
#: sees that its run has ended, and does nothing.
ENDED_EARLY_SECONDS = 30.0

#: A termination may come before the agent's launcher knows the worker, and is repeated.
REMIND_SECONDS = 10.0


class WorkerState(StrEnum):
    """What an agent says of a worker."""

    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerReport:
    """A line about one worker in an agent's heartbeat."""

    run_id: str
    state: WorkerState
    #: What the agent says of it, with the worker's last output where it has that.
    message: str
    #: The agent that says so.
    agent_id: str
    #: When the server got it, in seconds since 1970.
    received_at: float
    #: Whether the agent has the exit of the process itself, as the managed pool has.
    is_exit_record: bool
    #: The number of the launch that it is about, where the agent says so, as the pool does.
    launch: int | None = None
    #: Whether the process was killed from outside, where its exit proves that.
    is_killed: bool = False
    #: Whether the agent finds no such worker: it may not have been started yet.
    is_lost: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of a deployment's settings, in seconds; zero is no limit."""

    start: float = DEFAULT_START_TIMEOUT_SECONDS
    cancel: float = DEFAULT_CANCEL_TIMEOUT_SECONDS
    runtime: float = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Limits:
        """Those of a deployment."""
        given = section(settings, "run_monitoring")
        return cls(
            start=given.get("start_timeout_seconds", DEFAULT_START_TIMEOUT_SECONDS),
            cancel=given.get("cancel_timeout_seconds", DEFAULT_CANCEL_TIMEOUT_SECONDS),
            runtime=given.get("max_runtime_seconds", 0.0),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known of a launch from elsewhere."""

    #: What an agent that may know says of its worker.
    report: WorkerReport | None = None
    #: Why nobody can reach its worker; ``None`` when an agent can.
    unreachable: str | None = None
    #: Why its request waits; ``None`` when it does not wait.
    waiting: str | None = None
    #: Since when its agent has been heard without a pause: before that, silence may be our own.
    heard_since: float | None = None
    #: Whether other workers of its agent never asked for their runs: then none does.
    is_not_isolated: bool = False
    #: When the run's log got its last entry; looked up only where it matters.
    last_sign: float | None = None
    #: When the agent that has begun it was last heard; ``None`` while it is alive.
    holder_lost_at: float | None = None
    #: When its agent was last asked to end the worker that it had started, if it has answered.
    ended_by_agent_at: float | None = None
    #: When the termination was last handed to the agent.
    reminded_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What is to be done about a launch."""

    #: It has ended so.
    ending: LaunchEnd | None = None
    #: It is to end.
    wish: StopWish | None = None
    #: Its agent is to be asked (again) to end it.
    remind: bool = False


NOTHING = Verdict()


def asks_regularly(launch: Launch) -> bool:
    """Whether a launch's worker asks for its run, as those of isolated agents do."""
    return launch.asked_at is not None and launch.asked_times >= ASKING_TIMES


def unknown_since(launch: Launch, evidence: Evidence, now: float) -> float | None:
    """Since when nothing is known of a launch's worker; ``None`` while something is."""
    if launch.state is not LaunchState.BEGUN or evidence.holder_lost_at is None:
        return None
    if evidence.report is not None:
        return None
    if asks_regularly(launch) and now - (launch.asked_at or now) < ASKING_SECONDS:
        return None
    return launch.unknown_since or max(evidence.holder_lost_at, launch.asked_at or 0.0)


def judge(launch: Launch, evidence: Evidence, limits: Limits, now: float) -> Verdict:
    """What is to be done about a launch that has not ended.

    Args:
        launch: the newest one of a run.
        evidence: what is known of it.
        limits: of its deployment.
        now: in seconds since 1970.
    """
    ending = (
        _seen_to_end(launch, evidence, now)
        or _stopped_asking(launch, evidence, now)
        or _ended_early(launch, evidence, now)
        or _overdue(launch, evidence, limits, now)
    )
    if ending is not None:
        return Verdict(ending=ending)
    if launch.stop is not None:
        since = evidence.reminded_at or 0.0
        return Verdict(remind=evidence.unreachable is None and now - since >= REMIND_SECONDS)
    if (wish := _start_is_overdue(launch, limits, now)) is not None:
        is_in_reach = evidence.unreachable is None
        return Verdict(wish=wish) if is_in_reach else Verdict(ending=_at_once(wish))
    own_limit = launch.tags.max_runtime_seconds
    limit = limits.runtime if own_limit is None else own_limit
    if limit and launch.started_at is not None and now - launch.started_at > limit:
        reason = f"Exceeded the maximum runtime of {limit:.0f} seconds."
        return Verdict(
            wish=StopWish(end=RunEnd.FAILURE, by="the limit max_runtime_seconds", reason=reason)
        )
    return NOTHING


def _seen_to_end(launch: Launch, evidence: Evidence, now: float) -> LaunchEnd | None:
    report = evidence.report
    if report is None or report.state is not WorkerState.ENDED:
        return None
    if report.launch not in {None, launch.number}:
        return None
    if not (_is_settled(report, now) if report.is_exit_record else _is_news(report, launch)):
        return None
    said = report.message or "It said nothing more."
    before = "" if launch.started_at else " before it had started the run"
    ending = _failed(
        How.EXITED, f"agent {report.agent_id}", f"The run worker has ended{before}. {said}"
    )
    may_be_repeated = (
        report.is_killed
        and report.launch is not None
        and launch.number < MOST_LAUNCHES
        and launch.started_at is None
        and launch.stop is None
    )
    return replace(ending, status=None) if may_be_repeated else ending


def _is_settled(report: WorkerReport, now: float) -> bool:
    """Whether the last events of a worker that has ended have had the time to arrive."""
    return now - report.received_at >= SETTLING_SECONDS


def _is_news(report: WorkerReport, launch: Launch) -> bool:
    """Whether a report of a lost worker cannot be older than the start of that worker.

    The Docker launcher calls a container lost until it has started, and until the run has a tag
    with its id, which comes later. By the time of the heartbeat, such a run may be under way.
    """
    since = launch.started_at
    if since is None and not report.is_lost:
        since = launch.begun_at
    return since is not None and report.received_at >= since + OLD_NEWS_SECONDS


def _stopped_asking(launch: Launch, evidence: Evidence, now: float) -> LaunchEnd | None:
    heard_since, report = evidence.heard_since, evidence.report
    if launch.asked_at is None or not asks_regularly(launch) or evidence.is_not_isolated:
        return None
    if report is not None and report.state is WorkerState.RUNNING:
        return None
    if heard_since is None or heard_since - launch.asked_at > UNHEARD_SECONDS:
        return None
    # It writes to its log, so it is there: its thread that asks may be kept from it.
    since = max(launch.asked_at, heard_since, evidence.last_sign or 0.0)
    if now - since < ASKING_SECONDS:
        return None
    return _failed(
        How.SILENT,
        "the watch",
        "The run worker is gone: it asked for its run every ten seconds, and has not for "
        f"{now - launch.asked_at:.0f} seconds.",
    )


def _overdue(launch: Launch, evidence: Evidence, limits: Limits, now: float) -> LaunchEnd | None:
    if launch.stop is not None:
        is_overdue = limits.cancel and now - launch.stop.asked_at >= limits.cancel
        by = "the limit cancel_timeout_seconds"
        return _failed(How.OVERDUE, by, _cannot_end(evidence)) if is_overdue else None
    if launch.state not in {LaunchState.OFFERED, LaunchState.TAKEN}:
        return None
    since = launch.offered_at or launch.created_at
    if not limits.start or now - since < limits.start:
        return None
    return _failed(
        How.OVERDUE,
        "the limit start_timeout_seconds",
        f"The run timed out: it did not start within {limits.start:.0f} seconds. "
        f"{evidence.waiting or 'An agent took its launch and has not begun it.'}",
    )


def _start_is_overdue(launch: Launch, limits: Limits, now: float) -> StopWish | None:
    if not is_start_overdue(launch, limits, now):
        return None
    since = now - (launch.begun_at or now)
    return StopWish(
        end=RunEnd.FAILURE,
        by="the limit start_timeout_seconds",
        reason=f"The run timed out: agent {launch.begun_by} began it {since:.0f} seconds ago, and "
        "its worker never reported. Look at the log of the agent.",
    )


def is_start_overdue(launch: Launch, limits: Limits, now: float) -> bool:
    """Whether an agent has begun a launch, and its worker has taken too long to start the run."""
    if launch.state is not LaunchState.BEGUN or launch.started_at is not None:
        return False
    return bool(limits.start) and now - (launch.begun_at or now) >= limits.start


def _ended_early(launch: Launch, evidence: Evidence, now: float) -> LaunchEnd | None:
    since = evidence.ended_by_agent_at
    if launch.stop is None or launch.started_at is not None or since is None:
        return None
    if now - since < ENDED_EARLY_SECONDS:
        return None
    return _failed(
        How.EXITED, f"agent {launch.begun_by}", "Its agent ended it before it had started the run."
    )


def _cannot_end(evidence: Evidence) -> str:
    if evidence.unreachable is not None:
        return (
            f"Nobody could be asked to end it, and it may still be running. {evidence.unreachable}"
        )
    return "Its agent was asked to end it and did not say that it has: it may still be running."


def _at_once(wish: StopWish) -> LaunchEnd:
    return LaunchEnd(status=wish.end, how=How.OVERDUE, by=wish.by, reason=wish.reason)


def _failed(how: How, by: str, reason: str) -> LaunchEnd:
    return LaunchEnd(status=RunEnd.FAILURE, how=how, by=by, reason=reason)
