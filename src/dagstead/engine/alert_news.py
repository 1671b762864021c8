"""What alerts are about, read from a deployment's Dagster storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import takewhile

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    EventLogRecord,
    RunsFilter,
    RunStatusChangeRecordsFilter,
)
from dagster._core.definitions.selector import RepositorySelector
from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._core.workspace.workspace import CurrentWorkspace
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine.automations import (
    Automation,
    is_running,
    last_ticks,
    location_of,
    states_that_run,
)
from dagstead.engine.load_errors import one_line
from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_news import EndedRun, EndedRuns
from dagstead.plane.alert_targets import AutomationKind
from dagstead.plane.alerts import AlertAsset, AlertAutomation, AlertRun

_ENDS: Mapping[AlertEvent, DagsterEventType] = {
    AlertEvent.JOB_FAILURE: DagsterEventType.RUN_FAILURE,
    AlertEvent.JOB_SUCCESS: DagsterEventType.RUN_SUCCESS,
}
#: As many as Dagster reads at one time.
_BATCH = 1000
#: Of one look; the rest is for the next.
_MOST_BATCHES = 10
_MOST_LONG_RUNS = 2000
#: Dagster notes right after a failure whether the run is retried. A process may die before.
_DECIDING_SECONDS = 15.0
_ENDED = (TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE)


def ended_runs(
    instance: DagsterInstance,
    after: Mapping[AlertEvent, int | None],
    now: float,
    batch: int = _BATCH,
) -> EndedRuns:
    """The runs that have ended since the last look, by the ids of their events.

    Args:
        instance: of the deployment.
        after: by kind of end, the id of the last event that was read; with ``None`` nothing is
            read, and reading begins with what comes from now on.
        now: in seconds since 1970.
        batch: how many are read at one time.
    """
    found: list[tuple[AlertEvent, EventLogRecord]] = []
    cursors: dict[AlertEvent, int] = {}
    runs: dict[str, DagsterRun] = {}
    for event, position in after.items():
        records = list(_read(instance, _ENDS[event], position, batch))
        if position is None:
            cursors[event] = records[0].storage_id if records else 0
            continue
        ends = _runs(instance, {record.run_id for record in records})
        if event is AlertEvent.JOB_FAILURE:
            records = list(takewhile(partial(_is_decided, ends, now), records))
        runs |= ends
        found += [(event, record) for record in records]
        if records:
            cursors[event] = records[-1].storage_id
    return EndedRuns(
        runs=[
            EndedRun(
                run=_ended(record, runs.get(record.run_id)),
                has_failed=event is AlertEvent.JOB_FAILURE,
            )
            for event, record in found
            if not _is_retried(runs.get(record.run_id))
        ],
        cursors=cursors,
    )


def long_runs(instance: DagsterInstance, started_before: float) -> list[AlertRun]:
    """The runs under way that began before a time."""
    wanted = RunsFilter(statuses=[DagsterRunStatus.STARTED])
    records = instance.get_run_records(wanted, limit=_MOST_LONG_RUNS, ascending=True)
    return [
        _as_run(record.dagster_run, record.start_time)
        for record in records
        if record.start_time is not None and record.start_time <= started_before
    ]


def failed_assets(
    instance: DagsterInstance, workspace: CurrentWorkspace, run_id: str
) -> list[AlertAsset]:
    """The assets that a failed run was to materialize, and did not."""
    planned = _assets(instance, run_id, DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    made = set(_assets(instance, run_id, DagsterEventType.ASSET_MATERIALIZATION))
    missing = [key for key in dict.fromkeys(planned) if key not in made]
    if not missing:
        return []
    groups = {
        tuple(node.key.path): (node.group_name, repository.handle.to_selector())
        for repository in _repositories(workspace)
        for node in repository.asset_graph.asset_nodes
        if node.is_executable
    }
    return [_asset(key, groups.get(key)) for key in missing]


def failing_automations(
    instance: DagsterInstance,
    automations_of: Callable[[Collection[str]], Mapping[str, Automation]],
) -> list[AlertAutomation]:
    """The schedules and sensors that run, and whose last tick has failed.

    Args:
        instance: of the deployment.
        automations_of: those of locations of these names, by the id of their selectors. It is asked
            about locations with failed ticks only.
    """
    states = states_that_run(instance)
    ticks = last_ticks(instance, states, _ENDED)
    failed = {selector: last for selector, last in ticks.items() if last.is_failure}
    known = automations_of({location_of(states[selector]) for selector in failed})
    return [
        _failing(known[selector], last)
        for selector, last in failed.items()
        if selector in known and is_running(known[selector], states[selector])
    ]


def _read(
    instance: DagsterInstance, kind: DagsterEventType, position: int | None, batch: int
) -> Iterator[EventLogRecord]:
    storage = instance.event_log_storage
    if position is None:
        yield from storage.fetch_run_status_changes(kind, limit=1).records
        return
    for _ in range(_MOST_BATCHES):
        page = storage.fetch_run_status_changes(_after(kind, position), limit=batch, ascending=True)
        yield from page.records
        if len(page.records) < batch:
            return
        position = page.records[-1].storage_id


def _after(kind: DagsterEventType, position: int) -> RunStatusChangeRecordsFilter:
    return RunStatusChangeRecordsFilter(kind, after_storage_id=position)  # type: ignore[arg-type]


def _runs(instance: DagsterInstance, run_ids: Collection[str]) -> Mapping[str, DagsterRun]:
    found: dict[str, DagsterRun] = {}
    ordered = sorted(run_ids)
    for start in range(0, len(ordered), _BATCH):
        wanted = RunsFilter(run_ids=ordered[start : start + _BATCH])
        found |= {run.run_id: run for run in instance.get_runs(wanted)}
    return found


def _is_decided(runs: Mapping[str, DagsterRun], now: float, record: EventLogRecord) -> bool:
    """Whether it is known of a failed run if it is retried: the event is stored a moment before."""
    run = runs.get(record.run_id)
    if run is None or WILL_RETRY_TAG in run.tags:
        return True
    return not 0 <= now - record.event_log_entry.timestamp < _DECIDING_SECONDS


def _is_retried(run: DagsterRun | None) -> bool:
    """Whether another run follows by itself: the last one counts."""
    return run is not None and run.tags.get(WILL_RETRY_TAG) == "true"


def _ended(record: EventLogRecord, run: DagsterRun | None) -> AlertRun:
    at = record.event_log_entry.timestamp
    if run is not None:
        return _as_run(run, at)
    # It was deleted meanwhile.
    job = record.event_log_entry.job_name or "?"
    return AlertRun(run_id=record.run_id, job=job, location=None, repository=None, tags={}, at=at)


def _as_run(run: DagsterRun, at: float) -> AlertRun:
    origin = run.remote_job_origin
    return AlertRun(
        run_id=run.run_id,
        job=run.job_name,
        location=None if origin is None else origin.location_name,
        repository=None if origin is None else origin.repository_origin.repository_name,
        tags=run.tags,
        at=at,
    )


def _assets(
    instance: DagsterInstance, run_id: str, kind: DagsterEventType
) -> Iterator[tuple[str, ...]]:
    for record in instance.all_logs(run_id, of_type=kind):
        event = record.dagster_event
        if event is not None and event.asset_key is not None:
            yield tuple(event.asset_key.path)


def _asset(key: tuple[str, ...], known: tuple[str | None, RepositorySelector] | None) -> AlertAsset:
    group, selector = known or (None, None)
    return AlertAsset(
        key=key,
        group=group,
        location=None if selector is None else selector.location_name,
        repository=None if selector is None else selector.repository_name,
    )


def _failing(of: Automation, last: InstigatorTick) -> AlertAutomation:
    repository = of.handle.repository_handle.to_selector()
    return AlertAutomation(
        kind=AutomationKind.SCHEDULE if isinstance(of, RemoteSchedule) else AutomationKind.SENSOR,
        name=of.name,
        location=repository.location_name,
        repository=repository.repository_name,
        failures=max(1, last.consecutive_failure_count),
        error=_error(last.error),
        last_at=last.timestamp,
    )


def _error(error: SerializableErrorInfo | None) -> str:
    return "" if error is None else one_line(error)


def _repositories(workspace: CurrentWorkspace) -> Iterator[RemoteRepository]:
    for entry in workspace.code_location_entries.values():
        if entry.code_location is not None:
            yield from entry.code_location.get_repositories().values()
