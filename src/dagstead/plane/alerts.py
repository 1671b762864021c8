"""Alerts: what fires, and which policies it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_policies import AlertPolicy
from dagstead.plane.alert_targets import (
    AssetTarget,
    AutomationKind,
    AutomationTarget,
    LocationTarget,
    QueueTarget,
    RunTarget,
    Target,
)
from dagstead.plane.late_schedules import LateSchedule
from dagstead.plane.problems import Problem, ProblemKind, QueueTrouble

#: An agent that is started again, and a location that heals at once, wake nobody.
_PATIENCE_SECONDS: Mapping[AlertEvent, float] = {
    AlertEvent.QUEUE_UNSERVED: 25.0,
    AlertEvent.AGENT_DOWN: 25.0,
    AlertEvent.LOCATION_NOT_HEALING: 60.0,
}

_TWO_MINUTES = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRun:
    """A run, as far as policies ask for it."""

    run_id: str
    job: str
    location: str | None
    repository: str | None
    tags: Mapping[str, str]
    #: Of a run that has ended, when that was; of others, when it has started.
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertAutomation:
    """A schedule or a sensor whose last ticks have failed, or that is late."""

    kind: AutomationKind
    name: str
    location: str
    repository: str
    #: So many ticks have failed in a row.
    failures: int = 0
    #: What the last one says.
    error: str = ""
    #: When the last tick was.
    last_at: float | None = None
    #: Since when a tick is due that has not come; ``None`` if none is.
    due_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertAsset:
    """An asset that a run was to materialize, and did not."""

    key: tuple[str, ...]
    group: str | None
    location: str | None
    repository: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One thing that somebody may want to know."""

    event: AlertEvent
    #: The same for as long as it is about the same.
    about: str
    #: What it is, in a few words.
    title: str
    #: Why, and what to do, in sentences.
    says: str
    #: When it began, or happened; in seconds since 1970.
    at: float | None
    location: str | None = None
    #: Of a failed release: those that still suffer from it.
    locations: frozenset[str] = frozenset()
    #: Of what is about queues.
    queues: frozenset[str | None] = frozenset()
    run: AlertRun | None = None
    automation: AlertAutomation | None = None
    assets: tuple[AlertAsset, ...] = field(default=())

    @property
    def key(self) -> str:
        """What it is known by while it lasts."""
        return hashlib.sha256(f"{self.event}\0{self.about}".encode(errors="replace")).hexdigest()

    def is_due(self, now: float) -> bool:
        """Whether it has lasted long enough to call somebody."""
        return self.at is None or now - self.at >= _PATIENCE_SECONDS.get(self.event, 0.0)


def wants(policy: AlertPolicy, alert: Alert, now: float) -> bool:
    """Whether a policy is for an alert."""
    if policy.events.isdisjoint({alert.event, alert.event.official}):
        return False
    if alert.run is not None and not _has_tags(alert.run, policy.tags):
        return False
    if alert.automation is not None and not _is_enough(policy, alert.automation, alert.event, now):
        return False
    targets = policy.targets
    if alert.event is AlertEvent.JOB_LONG_RUNNING:
        # Only a target says how long is long.
        targets = tuple(
            each for each in targets if isinstance(each, RunTarget) and each.longer_than is not None
        )
        return any(_fits(each, alert, now) for each in targets)
    return not targets or any(_fits(each, alert, now) for each in targets)


def of_problems(problems: Iterable[Problem]) -> Iterator[Alert]:
    """What of the problems of a deployment alerts are sent about: the same as home shows."""
    for problem in problems:
        event = _event(problem)
        if event is None:
            continue
        name = problem.object
        is_queue = problem.kind is ProblemKind.QUEUE
        yield Alert(
            event=event,
            about="\0" if name is None else name,
            title=problem.title,
            says=problem.says,
            at=problem.since,
            location=name if problem.kind is ProblemKind.LOCATION else None,
            locations=problem.names,
            queues=frozenset([name]) if is_queue else problem.queues,
        )


def of_ended_run(run: AlertRun, *, has_failed: bool) -> Alert:
    """A run has ended."""
    how = "failed" if has_failed else "succeeded"
    return Alert(
        event=AlertEvent.JOB_FAILURE if has_failed else AlertEvent.JOB_SUCCESS,
        about=run.run_id,
        title=f"Run of {run.job} {how}",
        says=f"Run {run.run_id} of job {run.job}{_of_location(run.location)} has {how}.",
        at=run.at,
        location=run.location,
        run=run,
    )


def of_long_run(run: AlertRun, now: float) -> Alert:
    """A run is under way for long."""
    seconds = now - run.at
    long = f"{seconds:.0f} seconds" if seconds < _TWO_MINUTES else f"{seconds / 60:.0f} minutes"
    return Alert(
        event=AlertEvent.JOB_LONG_RUNNING,
        about=run.run_id,
        title=f"Run of {run.job} takes long",
        says=f"Run {run.run_id} of job {run.job}{_of_location(run.location)} is under way for "
        f"{long}.",
        at=run.at,
        location=run.location,
        run=run,
    )


def of_assets(run: AlertRun, assets: Sequence[AlertAsset]) -> Alert:
    """A run failed before it had materialized all its assets."""
    names = ["/".join(each.key) for each in assets]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
    return Alert(
        event=AlertEvent.ASSET_MATERIALIZATION_FAILURE,
        about=run.run_id,
        title=f"{shown} {'was' if len(names) == 1 else 'were'} not materialized",
        says=f"Run {run.run_id} of job {run.job}{_of_location(run.location)} has failed before.",
        at=run.at,
        location=run.location,
        run=run,
        assets=tuple(assets),
    )


def of_failing(found: AlertAutomation) -> Alert:
    """Ticks of a schedule or a sensor fail."""
    kind = found.kind.value.lower()
    times = "" if found.failures == 1 else f" {found.failures} times in a row"
    error = f": {found.error}" if found.error else ""
    return Alert(
        event=AlertEvent.TICK_FAILURE,
        about=f"{found.location}\0{found.repository}\0{found.name}",
        title=f"Tick of {kind} {found.name} failed",
        says=f"The {kind} {found.name}{_of_location(found.location)} failed{times}{error}",
        at=found.last_at,
        location=found.location,
        automation=found,
    )


def of_late(found: LateSchedule) -> Alert:
    """A schedule does not tick."""
    return Alert(
        event=AlertEvent.SCHEDULE_LATE,
        about=f"{found.location}\0{found.repository}\0{found.name}",
        title=f"Schedule {found.name} is late",
        says=f"A tick of schedule {found.name}{_of_location(found.location)} is due, and has "
        "not come.",
        at=found.due_at,
        location=found.location,
        automation=AlertAutomation(
            kind=AutomationKind.SCHEDULE,
            name=found.name,
            location=found.location,
            repository=found.repository,
            last_at=found.ticked_at,
            due_at=found.due_at,
        ),
    )


def _event(problem: Problem) -> AlertEvent | None:
    match problem.kind:
        case ProblemKind.QUEUE:
            return _OF_QUEUES.get(problem.trouble) if problem.trouble else None
        case ProblemKind.AGENT:
            return AlertEvent.AGENT_DOWN
        case ProblemKind.LOCATION:
            return AlertEvent.LOCATION_NOT_HEALING
        case ProblemKind.RELEASE:
            return AlertEvent.RELEASE_FAILED
        case _:
            return None


_OF_QUEUES: Mapping[QueueTrouble, AlertEvent] = {
    QueueTrouble.UNSERVED: AlertEvent.QUEUE_UNSERVED,
    QueueTrouble.LATE: AlertEvent.LONGEST_WAIT_EXCEEDED,
}


def _of_location(name: str | None) -> str:
    return "" if name is None else f" of location {name}"


def _has_tags(run: AlertRun, tags: Mapping[str, str]) -> bool:
    return all(run.tags.get(key) == value for key, value in tags.items())


def _is_enough(policy: AlertPolicy, found: AlertAutomation, event: AlertEvent, now: float) -> bool:
    options = policy.options
    if event is AlertEvent.TICK_FAILURE:
        return found.failures >= options.failures_in_a_row
    return found.due_at is not None and now - found.due_at >= options.late_after


def _fits(target: Target, alert: Alert, now: float) -> bool:
    match target:
        case RunTarget():
            return alert.run is not None and _fits_run(target, alert.run, alert.event, now)
        case AutomationTarget():
            return alert.automation is not None and _fits_automation(target, alert.automation)
        case LocationTarget():
            touched = alert.locations or {alert.location}
            return not target.locations or not target.locations.isdisjoint(touched)
        case AssetTarget():
            return any(_fits_asset(target, each) for each in alert.assets)
        case QueueTarget():
            return not target.queues or not target.queues.isdisjoint(alert.queues)


def _fits_run(target: RunTarget, run: AlertRun, event: AlertEvent, now: float) -> bool:
    if event is AlertEvent.JOB_LONG_RUNNING and now - run.at < (target.longer_than or 0.0):
        return False
    named = any(each.fits(run.job, run.location, run.repository) for each in target.jobs)
    if target.jobs and not named:
        # Jobs and locations are beside each other: one of both has to fit.
        return bool(target.locations) and run.location in target.locations
    if not target.jobs and not _is_in(run.location, target.locations):
        return False
    return _has_tags(run, target.tags)


def _fits_automation(target: AutomationTarget, found: AlertAutomation) -> bool:
    if target.kinds and found.kind not in target.kinds:
        return False
    if target.named or target.locations:
        named = any(
            each.fits(found.name, found.location, found.repository) for each in target.named
        )
        return named or found.location in target.locations
    return True


def _fits_asset(target: AssetTarget, asset: AlertAsset) -> bool:
    if target.key is not None:
        return asset.key == target.key
    return (
        asset.group == target.group
        and target.location in {None, asset.location}
        and target.repository in {None, asset.repository}
    )


def _is_in(name: str | None, names: frozenset[str]) -> bool:
    return not names or name in names
