"""What alerts are about, as a real Dagster instance has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterRun,
    DefaultSensorStatus,
    Definitions,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    asset,
    job,
    materialize,
    op,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.tags import MAX_RETRIES_TAG, WILL_RETRY_TAG
from dagster._core.utils import make_new_run_id
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine.alert_news import ended_runs
from dagstead.engine.automations import Automation
from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_news import EndedRuns
from dagstead.plane.alert_targets import AutomationKind
from dagstead.plane.alerts import AlertAutomation
from dagstead.plane.deployments import Deployment
from tests.unit.engine.settings_stage import LOCATION, Stage, job_origin

FAILURE, SUCCESS = AlertEvent.JOB_FAILURE, AlertEvent.JOB_SUCCESS
#: Everything is decided.
LATER = time.time() + 3600
MOMENT = datetime(2033, 6, 20, 10, 30, tzinfo=UTC).timestamp()


@op
def nothing() -> None:
    """Do nothing."""


@job
def quiet() -> None:
    nothing()


@asset(group_name="raw")
def orders() -> int:
    return 1


@asset(group_name="marts")
def revenue(orders: int) -> int:
    raise ValueError(orders)


@asset(group_name="marts")
def report(revenue: int) -> int:
    return revenue


def evaluate(_context: object) -> RunRequest:
    return RunRequest()


DEFINITIONS = Definitions(
    assets=[orders, revenue, report],
    schedules=[ScheduleDefinition(name="hourly", job=quiet, cron_schedule="0 * * * *")],
    sensors=[
        SensorDefinition(
            name="files",
            job=quiet,
            evaluation_fn=evaluate,
            default_status=DefaultSensorStatus.RUNNING,
        )
    ],
)


def run_of(stage: Stage, *kinds: DagsterEventType, **tags: str) -> DagsterRun:
    """A run with these events."""
    run = DagsterRun(
        job_name="quiet", run_id=make_new_run_id(), remote_job_origin=job_origin(), tags=tags
    )
    stage.instance.run_storage.add_run(run)
    for kind in kinds:
        event = DagsterEvent(event_type_value=kind.value, job_name="quiet", message="")
        stage.instance.report_dagster_event(event, run.run_id)
    return run


def failed(stage: Stage, **tags: str) -> DagsterRun:
    return run_of(stage, DagsterEventType.RUN_FAILURE, **tags)


def ids(found: EndedRuns) -> list[str]:
    return [each.run.run_id for each in found.runs]


def test_reading_begins_now(stage: Stage) -> None:
    empty = ended_runs(stage.instance, {FAILURE: None}, LATER)
    assert (ids(empty), empty.cursors) == ([], {FAILURE: 0})
    before = failed(stage)
    begun = ended_runs(stage.instance, {FAILURE: None, SUCCESS: None}, LATER)
    assert ids(begun) == []
    assert begun.cursors[SUCCESS] == 0
    assert ids(ended_runs(stage.instance, empty.cursors, LATER)) == [before.run_id]
    after = failed(stage)
    assert ids(ended_runs(stage.instance, begun.cursors, LATER)) == [after.run_id]


def test_ended_runs_are_read_in_batches_and_each_of_them_once(stage: Stage) -> None:
    begun = ended_runs(stage.instance, {FAILURE: None, SUCCESS: None}, LATER)
    ends = [failed(stage) for _ in range(5)]
    good = run_of(stage, DagsterEventType.RUN_SUCCESS)
    found = ended_runs(stage.instance, begun.cursors, LATER, batch=2)
    assert ids(found) == [*(each.run_id for each in ends), good.run_id]
    assert [each.has_failed for each in found.runs] == [*[True] * 5, False]
    first = found.runs[0].run
    assert (first.job, first.location, first.repository) == ("quiet", LOCATION, "__repository__")
    assert abs(first.at - time.time()) < 60
    assert ids(ended_runs(stage.instance, found.cursors, LATER, batch=2)) == []
    last = failed(stage)
    assert ids(ended_runs(stage.instance, found.cursors, LATER, batch=2)) == [last.run_id]


def test_what_is_too_much_for_one_look_is_for_the_next(stage: Stage) -> None:
    ends = [failed(stage).run_id for _ in range(12)]
    found = ended_runs(stage.instance, {FAILURE: 0}, LATER, batch=1)
    rest = ended_runs(stage.instance, found.cursors, LATER, batch=1)
    assert [*ids(found), *ids(rest)] == ends
    assert ids(rest)


def test_of_a_run_that_is_retried_the_last_try_counts(stage: Stage) -> None:
    begun = ended_runs(stage.instance, {FAILURE: None}, LATER)
    # Dagster decides it when the run fails.
    failed(stage, **{MAX_RETRIES_TAG: "1"})
    last = failed(stage, team="data")
    found = ended_runs(stage.instance, begun.cursors, LATER)
    assert ids(found) == [last.run_id]
    assert found.runs[0].run.tags["team"] == "data"


def test_a_failure_waits_until_it_is_decided_whether_it_is_retried(stage: Stage) -> None:
    first = failed(stage)
    run = run_of(stage)
    entry = stage.instance.all_logs(first.run_id)[0]
    # As in the moment after the event was stored.
    stage.instance.event_log_storage.store_event(entry._replace(run_id=run.run_id))
    last = failed(stage)
    soon = entry.timestamp + 1
    found = ended_runs(stage.instance, {FAILURE: 0}, soon)
    assert ids(found) == [first.run_id]
    assert ids(ended_runs(stage.instance, found.cursors, soon)) == []
    assert ids(ended_runs(stage.instance, found.cursors, LATER)) == [run.run_id, last.run_id]
    stage.instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})
    assert ids(ended_runs(stage.instance, found.cursors, soon)) == [last.run_id]


def test_a_run_that_was_deleted_meanwhile_has_failed_all_the_same(stage: Stage) -> None:
    run = failed(stage)
    stage.instance.run_storage.delete_run(run.run_id)
    (found,) = ended_runs(stage.instance, {FAILURE: 0}, LATER).runs
    assert (found.run.run_id, found.run.job, found.run.location) == (run.run_id, "quiet", None)


def test_runs_that_have_begun_before_a_time_and_have_not_ended_are_long(stage: Stage) -> None:
    under_way = run_of(stage, DagsterEventType.RUN_START)
    run_of(stage, DagsterEventType.RUN_START, DagsterEventType.RUN_SUCCESS)
    run_of(stage)
    port, now = stage.instances.orchestration, time.time()
    (found,) = port.long_runs(stage.deployment, now + 1)
    assert (found.run_id, found.location) == (under_way.run_id, LOCATION)
    assert port.long_runs(stage.deployment, now - 60) == []


def test_the_assets_that_a_failed_run_has_not_made_have_their_groups(stage: Stage) -> None:
    stage.load(DEFINITIONS)
    done = materialize([orders, revenue, report], instance=stage.instance, raise_on_error=False)
    assert not done.success
    found = stage.instances.orchestration.failed_assets(stage.deployment, done.run_id)
    assert {each.key: (each.group, each.location, each.repository) for each in found} == {
        ("revenue",): ("marts", LOCATION, "__repository__"),
        ("report",): ("marts", LOCATION, "__repository__"),
    }
    good = materialize([orders], instance=stage.instance)
    assert stage.instances.orchestration.failed_assets(stage.deployment, good.run_id) == []


def test_assets_of_a_location_that_is_gone_have_no_group(stage: Stage) -> None:
    stage.load(Definitions())
    done = materialize([orders, revenue], instance=stage.instance, raise_on_error=False)
    (found,) = stage.instances.orchestration.failed_assets(stage.deployment, done.run_id)
    assert (found.key, found.group, found.location) == (("revenue",), None, None)


class Ticks:
    """The schedule and the sensor of a location, both switched on."""

    def __init__(self, stage: Stage) -> None:
        stage.load(DEFINITIONS)
        self.stage = stage
        stage.instance.start_schedule(self.automation("hourly"))  # type: ignore[arg-type]
        sensor = self.automation("files")
        assert isinstance(sensor, RemoteSensor)
        # As the daemon does when it sees it for the first time.
        stage.instance.add_instigator_state(
            InstigatorState(
                sensor.get_remote_origin(),
                InstigatorType.SENSOR,
                InstigatorStatus.DECLARED_IN_CODE,
                SensorInstigatorData(),
            )
        )

    def automation(self, name: str) -> Automation:
        every = self.stage.instances.automations.named(self.stage.deployment, [LOCATION])
        return next(each for each in every.values() if each.name == name)

    def tick(self, name: str, status: TickStatus, at: float, failures: int = 0) -> None:
        of = self.automation(name)
        is_failure = status is TickStatus.FAILURE
        error = SerializableErrorInfo("ValueError: no\n", [], "ValueError")
        self.stage.instance.create_tick(
            TickData(
                of.get_remote_origin_id(),
                name,
                InstigatorType.SENSOR if isinstance(of, RemoteSensor) else InstigatorType.SCHEDULE,
                status,
                at,
                selector_id=of.selector_id,
                run_ids=[],
                error=error if is_failure else None,
                consecutive_failure_count=failures,
            )
        )

    def failing(self) -> Sequence[AlertAutomation]:
        port = self.stage.instances.orchestration
        return sorted(port.failing_automations(self.stage.deployment), key=lambda each: each.name)

    def names(self) -> list[str]:
        return [each.name for each in self.failing()]


@pytest.fixture
def ticks(stage: Stage) -> Ticks:
    return Ticks(stage)


def test_schedules_and_sensors_whose_last_tick_failed_are_found(ticks: Ticks) -> None:
    assert ticks.names() == []
    ticks.tick("hourly", TickStatus.FAILURE, MOMENT, failures=3)
    ticks.tick("files", TickStatus.FAILURE, MOMENT + 1)
    sensor, schedule = ticks.failing()
    assert (sensor.kind, sensor.failures) == (AutomationKind.SENSOR, 1)
    assert (schedule.kind, schedule.failures) == (AutomationKind.SCHEDULE, 3)
    assert (schedule.location, schedule.repository) == (LOCATION, "__repository__")
    assert (schedule.last_at, schedule.due_at) == (MOMENT, None)
    assert "ValueError: no" in schedule.error


@pytest.mark.parametrize("status", [TickStatus.SUCCESS, TickStatus.SKIPPED])
def test_it_is_over_with_a_tick_that_works(ticks: Ticks, status: TickStatus) -> None:
    ticks.tick("files", TickStatus.FAILURE, MOMENT)
    ticks.tick("files", TickStatus.STARTED, MOMENT + 30)
    assert ticks.names() == ["files"], "nobody knows how the one under way ends"
    ticks.tick("files", status, MOMENT + 60)
    assert ticks.names() == []


def test_what_was_switched_off_does_not_fail(ticks: Ticks) -> None:
    ticks.tick("hourly", TickStatus.FAILURE, MOMENT)
    ticks.tick("files", TickStatus.FAILURE, MOMENT)
    schedule = ticks.automation("hourly")
    ticks.stage.instance.stop_schedule(
        schedule.get_remote_origin_id(),
        schedule.selector_id,
        schedule,  # type: ignore[arg-type]
    )
    assert ticks.names() == ["files"]


def test_what_a_reload_has_removed_from_the_code_does_not_fail(ticks: Ticks) -> None:
    ticks.tick("hourly", TickStatus.FAILURE, MOMENT)
    assert ticks.names() == ["hourly"]
    ticks.stage.store.locations.reload("prod", [LOCATION])
    ticks.stage.load(Definitions())
    assert ticks.names() == []


def test_definitions_are_read_once_and_only_where_something_fails(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Ticks(stage)
    automations = stage.instances.automations
    asked: list[str] = []
    read: Callable[..., object] = automations._read

    def counted(_self: object, deployment: Deployment, name: str, manifest: str) -> object:
        asked.append(name)
        return read(deployment, name, manifest)

    monkeypatch.setattr(type(automations), "_read", counted)
    automations._kept.clear()
    assert made.names() == []
    assert asked == []
    made.tick("hourly", TickStatus.FAILURE, MOMENT)
    for _ in range(3):
        assert made.names() == ["hourly"]
    assert asked == [LOCATION]
