"""A final status stays, and what was recorded is shown, whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.events import EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.events.log import EventLogEntry
from dagster._serdes import serialize_value

from dagstead.engine.instances import Instances
from dagstead.plane.launch_machine.events import End
from dagstead.plane.launches import How, LaunchEnd, RunEnd
from dagstead.testing.clock import ManualClock
from dagstead.watch.housekeeping import Housekeeping
from dagstead.watch.run_watch import RunWatch
from tests.unit.engine.runs import (
    begin,
    messages,
    report,
    status,
)

FINAL = {
    DagsterEventType.RUN_SUCCESS: DagsterRunStatus.SUCCESS,
    DagsterEventType.RUN_FAILURE: DagsterRunStatus.FAILURE,
    DagsterEventType.RUN_CANCELED: DagsterRunStatus.CANCELED,
}


@pytest.mark.parametrize("first", FINAL)
@pytest.mark.parametrize("second", EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
def test_a_terminal_status_is_final(
    instance: DagsterInstance,
    run: DagsterRun,
    first: DagsterEventType,
    second: DagsterEventType,
) -> None:
    report(instance, run, DagsterEventType.RUN_START)
    report(instance, run, first)

    report(instance, run, second, "what it said")

    assert status(instance, run) is FINAL[first]
    entry = instance.all_logs(run.run_id)[-1]
    assert entry.get_dagster_event().event_type is DagsterEventType.ENGINE_EVENT
    assert "what it said" in entry.message
    assert len(instance.all_logs(run.run_id, of_type=set(FINAL))) == 1


@pytest.mark.parametrize("second", EVENT_TYPE_TO_PIPELINE_RUN_STATUS)
def test_a_terminal_status_stays_when_its_record_is_purged(
    instances: Instances,
    instance: DagsterInstance,
    run: DagsterRun,
    clock: ManualClock,
    second: DagsterEventType,
) -> None:
    report(instance, run, DagsterEventType.RUN_START)
    report(instance, run, DagsterEventType.RUN_SUCCESS)
    clock.advance(8 * 24 * 3600)
    Housekeeping(instances.control).purge()
    assert instances.store.launches.newest("prod", run.run_id) is None

    report(instance, run, second)

    assert status(instance, run) is DagsterRunStatus.SUCCESS


def test_an_end_that_was_recorded_and_not_shown_is_shown_later(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    """As when the process dies between the two."""
    begin(instances, run, "agent-1")
    ending = LaunchEnd(status=RunEnd.FAILURE, how=How.EXITED, by="the pool", reason="It is gone.")
    instances.store.launches.step("prod", run.run_id, End(ending=ending))
    assert status(instance, run) is DagsterRunStatus.STARTING

    clock.advance(30)
    for _ in range(2):
        RunWatch(instances.control).look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert messages(instance, run).count("It is gone.") == 1


def test_an_event_that_was_recorded_and_not_stored_is_stored_when_it_is_sent_again(
    instances: Instances, instance: DagsterInstance, run: DagsterRun
) -> None:
    event = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name="job")
    entry = EventLogEntry(None, 20, "", run.run_id, 7.0, None, "job", event)
    text = serialize_value(entry)
    ending = LaunchEnd(status=RunEnd.SUCCESS, how=How.REPORTED, by="its log", reason="", event=text)
    instances.store.launches.step("prod", run.run_id, End(ending=ending))

    instance.handle_new_event(entry)

    assert status(instance, run) is DagsterRunStatus.SUCCESS
    assert len(instance.all_logs(run.run_id, of_type=set(FINAL))) == 1


def test_an_end_is_shown_again_when_a_process_died_that_was_late_to_store_a_start(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    report(instance, run, DagsterEventType.RUN_START)
    report(instance, run, DagsterEventType.RUN_SUCCESS)
    start = DagsterEvent(event_type_value=DagsterEventType.RUN_START.value, job_name="job")
    instance.run_storage.handle_run_event(run.run_id, start, datetime.fromtimestamp(clock(), UTC))
    assert status(instance, run) is DagsterRunStatus.STARTED

    watch.look()

    assert status(instance, run) is DagsterRunStatus.SUCCESS
    assert len(instance.all_logs(run.run_id, of_type=set(FINAL))) == 1


def test_an_end_that_a_web_server_without_records_has_stored_is_final(
    instances: Instances, instance: DagsterInstance, run: DagsterRun
) -> None:
    """As while web servers are replaced one by one."""
    report(instance, run, DagsterEventType.RUN_START)
    event = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name="job")
    entry = EventLogEntry(None, 20, "", run.run_id, 7.0, None, "job", event)
    DagsterInstance.handle_new_event(instance, entry)

    instance.report_run_canceling(run)
    assert status(instance, run) is DagsterRunStatus.SUCCESS
    RunWatch(instances.control).look()

    launch = instances.store.launches.newest("prod", run.run_id)
    assert launch is not None
    assert (launch.final, launch.is_shown) == (RunEnd.SUCCESS, True)
    assert len(instance.all_logs(run.run_id, of_type=set(FINAL))) == 1
