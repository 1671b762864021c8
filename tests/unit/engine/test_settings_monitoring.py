"""Limits on the time of runs, and what becomes of those that ask for their code server."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.tags import WILL_RETRY_TAG

from dagstead.plane.launch_watch import DEFAULT_CANCEL_TIMEOUT_SECONDS
from dagstead.testing.clock import ManualClock
from dagstead.watch.run_watch import RunWatch
from tests.support.heartbeats import heartbeat_of
from tests.unit.engine.runs import POLL, begin, messages, report, status
from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import Stage


@sees("run_monitoring.start_timeout_seconds")
def test_a_run_that_does_not_start_in_time_fails(stage: Stage, run: DagsterRun) -> None:
    stage.set({"run_monitoring": {"start_timeout_seconds": 60}})
    watch = RunWatch(stage.instances.control)

    stage.clock.advance(59)
    watch.look()
    assert status(stage.instance, run) is DagsterRunStatus.STARTING
    stage.clock.advance(1)
    watch.look()

    assert status(stage.instance, run) is DagsterRunStatus.FAILURE
    assert "it did not start within 60 seconds" in messages(stage.instance, run)


@sees("run_monitoring.cancel_timeout_seconds")
def test_a_run_that_does_not_end_in_time_is_ended(stage: Stage, run: DagsterRun) -> None:
    stage.set({"run_monitoring": {"cancel_timeout_seconds": 30}})
    under_way(stage, run)
    stage.instance.run_launcher.terminate(run.run_id)
    watch = RunWatch(stage.instances.control)

    for seconds, wanted in ((29, DagsterRunStatus.CANCELING), (1, DagsterRunStatus.CANCELED)):
        stage.clock.advance(seconds)
        stage.store.agents.record([heartbeat_of("gpu", now=stage.clock(), agent_id="agent-1")])
        watch.look()
        assert status(stage.instance, run) is wanted
    assert DEFAULT_CANCEL_TIMEOUT_SECONDS > 30


@sees("run_monitoring.max_runtime_seconds")
def test_a_run_that_takes_too_long_is_ended(stage: Stage, run: DagsterRun) -> None:
    stage.set({"run_monitoring": {"max_runtime_seconds": 3600}})
    under_way(stage, run)
    watch = RunWatch(stage.instances.control)

    for seconds, wanted in ((3600, DagsterRunStatus.STARTED), (1, DagsterRunStatus.CANCELING)):
        stage.clock.advance(seconds)
        stage.store.agents.record([heartbeat_of("gpu", now=stage.clock(), agent_id="agent-1")])
        watch.look()
        assert status(stage.instance, run) is wanted


@sees("run_monitoring.free_slots_after_run_end_seconds")
def test_slots_of_ended_runs_are_freed(stage: Stage, run: DagsterRun) -> None:
    stage.instance.event_log_storage.set_concurrency_slots("database", 1)
    stage.instance.event_log_storage.claim_concurrency_slot("database", run.run_id, "step")
    ended = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name="job")
    stage.instance.run_storage.handle_run_event(
        run.run_id, ended, datetime.fromtimestamp(time.time() - 100, UTC)
    )

    for settings, left in (({}, 1), ({"free_slots_after_run_end_seconds": 50}, 0)):
        stage.set({"run_monitoring": settings})
        free_slots(stage)
        slots = stage.instance.event_log_storage.get_concurrency_info("database")
        assert slots.active_slot_count == left, settings


@sees("run_retries.max_retries", "run_retries.retry_on_asset_or_op_failure")
@pytest.mark.parametrize(
    ("settings", "of_a_step", "of_its_worker"),
    [
        ({}, "false", "false"),
        ({"max_retries": 1}, "true", "true"),
        ({"max_retries": 1, "retry_on_asset_or_op_failure": False}, "false", "true"),
    ],
)
def test_failed_runs_are_tried_again_as_often(
    stage: Stage, settings: dict[str, object], of_a_step: str, of_its_worker: str
) -> None:
    instance = stage.set({"run_retries": settings})
    reasons = (RunFailureReason.STEP_FAILURE, RunFailureReason.UNKNOWN)
    assert [retried(instance, stage.queued()[0], reason) for reason in reasons] == [
        of_a_step,
        of_its_worker,
    ]


@sees("non_isolated_runs.enabled", "non_isolated_runs.max_concurrent_non_isolated_runs")
def test_runs_get_workers_of_their_own_where_code_servers_take_no_more(stage: Stage) -> None:
    stage.set({"non_isolated_runs": {"max_concurrent_non_isolated_runs": 1}})
    asking = {"dagster/isolation": "disabled"}
    first, second = stage.queued(2, tags=asking)
    stage.dequeue()
    assert in_code_server(stage, first)
    assert not in_code_server(stage, second)
    said = messages(stage.instance, second)
    assert "This run gets a worker of its own: 1 runs are in code servers" in said
    assert first.run_id in said

    stage.set({})
    (third,) = stage.queued(tags=asking)
    stage.dequeue()
    assert in_code_server(stage, third)
    stage.set({"non_isolated_runs": {"enabled": False}})
    (fourth,) = stage.queued(tags=asking)
    stage.dequeue()
    assert not in_code_server(stage, fourth)
    assert "non_isolated_runs.enabled is false" in messages(stage.instance, fourth)


@sees("freshness.enabled")
def test_freshness_is_evaluated_only_where_it_is_wanted(stage: Stage) -> None:
    def kinds() -> set[str]:
        found = stage.daemons._daemons_of(stage.deployment, instance)
        return {each.daemon_type() for each in found}

    instance = stage.set({})
    assert "FRESHNESS_DAEMON" in kinds()
    instance = stage.set({"freshness": {"enabled": False}})
    assert "FRESHNESS_DAEMON" not in kinds()


def under_way(stage: Stage, run: DagsterRun) -> None:
    """Let an agent begin a run, and the run start."""
    clock: ManualClock = stage.clock
    stage.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    stage.store.requests.pop(POLL)
    begin(stage.instances, run, "agent-1")
    report(stage.instance, run, DagsterEventType.RUN_START)


def free_slots(stage: Stage) -> None:
    """A round of the daemon that frees slots."""
    list(stage.daemon("MONITORING").run_iteration(stage.workspace))  # type: ignore[attr-defined]


def retried(instance: DagsterInstance, run: DagsterRun, reason: RunFailureReason) -> str:
    """Whether a run that fails is tried again, as its tag says."""
    failed = DagsterEvent(
        event_type_value=DagsterEventType.RUN_FAILURE.value,
        job_name="job",
        event_specific_data=JobFailureData(error=None, failure_reason=reason),
    )
    instance.report_dagster_event(failed, run.run_id)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.tags[WILL_RETRY_TAG]


def in_code_server(stage: Stage, run: DagsterRun) -> bool:
    """Whether a launched run is executed in its code server: by its record, tag and request."""
    launch = stage.store.launches.newest(stage.name, run.run_id)
    found = stage.instance.get_run_by_id(run.run_id)
    (request,) = stage.store.requests.of_run(stage.name, run.run_id)
    assert launch is not None
    assert found is not None
    says = {
        launch.tags.in_code_server,
        found.tags["dagster/isolation"] == "disabled",
        '"dagster/isolation": "disabled"' in request.body,
    }
    (answer,) = says
    return answer
