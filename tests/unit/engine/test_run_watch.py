"""What becomes of a run whose worker says nothing: what is known, and what limits do."""

from __future__ import annotations

import time

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.launcher import WorkerStatus
from dagster._core.utils import make_new_run_id
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus

from dagstead.control.actor import SYSTEM
from dagstead.engine.instances import Instances
from dagstead.errors import ForbiddenError
from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.launch_machine.events import (
    Dequeue,
    LaunchAnswer,
)
from dagstead.plane.launch_watch import (
    DEFAULT_START_TIMEOUT_SECONDS,
    ENDED_EARLY_SECONDS,
    OLD_NEWS_SECONDS,
    SETTLING_SECONDS,
)
from dagstead.testing.clock import ManualClock
from dagstead.watch.run_watch import RunWatch
from tests.support.heartbeats import heartbeat_of
from tests.unit.engine.runs import (
    POLL,
    beat,
    begin,
    messages,
    pool_beat,
    report,
    reported_statuses,
    status,
)


def answer_all(instances: Instances) -> list[str]:
    """An agent takes and answers what waits; returns what that was."""
    popped = instances.store.requests.pop(POLL)
    for request in popped:
        instances.store.requests.answer("prod", request.id, "{}", by=None)
        if request.api == "LAUNCH_RUN":
            event = LaunchAnswer(request_id=request.id)
            instances.store.launches.step("prod", str(request.run_id), event)
    return [request.api for request in popped]


def test_a_run_that_never_starts_is_failed_with_the_reason_and_cannot_start_later(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    clock.advance(DEFAULT_START_TIMEOUT_SECONDS - 1)
    RunWatch(instances.control).look()
    assert status(instance, run) is DagsterRunStatus.STARTING

    clock.advance(1)
    RunWatch(instances.control).look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "No agent is running that could serve queue 'gpu'" in messages(instance, run)
    assert instances.store.requests.pop(POLL) == []


def test_in_a_pause_the_time_to_start_does_not_run(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    assert instances.control.pauses.begin(SYSTEM)
    clock.advance(2 * DEFAULT_START_TIMEOUT_SECONDS)
    RunWatch(instances.control).look()
    assert instances.store.requests.pop(POLL) == []

    assert instances.control.pauses.end(SYSTEM)
    RunWatch(instances.control).look()

    assert status(instance, run) is DagsterRunStatus.STARTING
    assert [each.run_id for each in instances.store.requests.pop(POLL)] == [run.run_id]


@pytest.mark.parametrize(
    ("seconds_after_start", "lost"), [(-5, False), (10, False), (74, False), (80, True)]
)
@pytest.mark.parametrize("worker", [WorkerStatus.FAILED, WorkerStatus.NOT_FOUND])
def test_a_worker_that_died_is_known_from_heartbeats_that_cannot_be_older_than_it(
    instances: Instances,
    instance: DagsterInstance,
    run: DagsterRun,
    clock: ManualClock,
    *,
    seconds_after_start: float,
    lost: bool,
    worker: WorkerStatus,
) -> None:
    begin(instances, run, "launched-it")
    report(instance, run, DagsterEventType.RUN_START)
    received_at = clock() + seconds_after_start
    clock.advance(max(seconds_after_start, 0))

    said = reported_statuses(CloudRunWorkerStatus(run.run_id, worker, "out of memory"))
    instances.store.agents.record([beat(received_at, agent_id="launched-it", statuses=said)])
    RunWatch(instances.control).look()

    wanted = DagsterRunStatus.FAILURE if lost else DagsterRunStatus.STARTED
    assert status(instance, run) is wanted
    assert ("out of memory" in messages(instance, run)) is lost


def test_a_worker_of_the_pool_that_died_before_its_run_started_is_known_from_its_exit(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    begin(instances, run, "pool-1")
    instances.store.agents.record([pool_beat(instances.store, run, 1, killed=False)])

    clock.advance(SETTLING_SECONDS)
    RunWatch(instances.control).look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "before it had started the run. ended with code 1" in messages(instance, run)


def test_a_worker_of_the_pool_that_was_killed_before_its_run_started_is_replaced_once(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    store, watch = instances.store, RunWatch(instances.control)
    for launch in (1, 2):
        [request] = store.requests.pop(POLL)
        begin(instances, run, "pool-1")
        store.requests.answer("prod", request.id, "{}", by=None)
        clock.advance(OLD_NEWS_SECONDS)
        assert status(instance, run) is DagsterRunStatus.STARTING
        store.agents.record([pool_beat(store, run, launch, killed=True)])
        clock.advance(SETTLING_SECONDS)
        watch.look()

    assert "It is launched again (launch 2)" in messages(instance, run)
    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert [each.number for each in store.launches.of_run("prod", run.run_id)] == [1, 2]


def test_the_news_of_the_launch_before_says_nothing_of_the_next_one(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    store, watch = instances.store, RunWatch(instances.control)
    begin(instances, run, "pool-1")
    store.agents.record([pool_beat(store, run, 1, killed=True)])
    clock.advance(SETTLING_SECONDS)
    watch.look()
    begin(instances, run, "pool-1")

    store.agents.record([pool_beat(store, run, 1, killed=True)])
    clock.advance(SETTLING_SECONDS)
    watch.look()

    assert status(instance, run) is DagsterRunStatus.STARTING
    assert len(store.launches.of_run("prod", run.run_id)) == 2


def test_a_run_says_since_when_nothing_is_known_of_its_worker(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    begin(instances, run, "agent-1")
    report(instance, run, DagsterEventType.RUN_START)
    clock.advance(ALIVE_SECONDS + 1)

    for _ in range(3):
        watch.look()

    said = "What becomes of its worker is unknown since 2033-05-18 03:33:20 UTC"
    assert messages(instance, run).count(said) == 1
    assert status(instance, run) is DagsterRunStatus.STARTED
    instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    watch.look()
    assert "is known again" in messages(instance, run)


@pytest.mark.parametrize("is_started", [False, True])
def test_runs_of_a_version_without_records_get_them(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, *, is_started: bool
) -> None:
    begin(instances, run, "agent-1")
    if is_started:
        report(instance, run, DagsterEventType.RUN_START)
    instances.store.launches.forget("prod", run.run_id)

    RunWatch(instances.control).look()

    launch = instances.store.launches.newest("prod", run.run_id)
    assert launch is not None
    assert launch.begun_by == "agent-1"
    assert (launch.started_at is not None) is is_started
    with pytest.raises(ForbiddenError):
        begin(instances, run, "agent-2")


def test_a_silent_run_is_never_failed(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    begin(instances, run, "agent-1")
    report(instance, run, DagsterEventType.RUN_START)

    for _ in range(240):
        instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
        clock.advance(30)
        watch.look()

    assert status(instance, run) is DagsterRunStatus.STARTED


@pytest.mark.parametrize("kind", [DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_CANCELED])
def test_a_run_over_its_maximum_runtime_is_ended_with_one_status(
    instances: Instances,
    instance: DagsterInstance,
    run: DagsterRun,
    clock: ManualClock,
    kind: DagsterEventType,
) -> None:
    store = instances.store
    store.deployments.set_settings("prod", {"run_monitoring": {"max_runtime_seconds": 60}})
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    report(instance, run, DagsterEventType.RUN_START)
    clock.advance(61)
    store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])

    RunWatch(instances.control).look()
    assert status(instance, run) is DagsterRunStatus.CANCELING
    assert [request.api for request in store.requests.pop(POLL)] == ["TERMINATE_RUN"]
    report(instance, run, kind)

    is_success = kind is DagsterEventType.RUN_SUCCESS
    wanted = DagsterRunStatus.SUCCESS if is_success else DagsterRunStatus.FAILURE
    assert status(instance, run) is wanted
    assert "Exceeded the maximum runtime of 60 seconds." in messages(instance, run)


def test_a_worker_is_asked_to_end_once_but_again_if_it_came_after_that(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    store, watch = instances.store, RunWatch(instances.control)
    store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    [launch] = store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    instance.run_launcher.terminate(run.run_id)

    def asked() -> int:
        """How often the agent is asked within a minute; it answers each time."""
        found = 0
        for _ in range(6):
            watch.look()
            for request in store.requests.pop(POLL):
                found += request.api == "TERMINATE_RUN"
                store.requests.answer("prod", request.id, "{}", by=None)
            clock.advance(10)
        return found

    assert asked() == 1
    store.launches.step("prod", run.run_id, LaunchAnswer(request_id=launch.id))
    assert asked() == 1, "the worker was not there at the first time"
    assert asked() == 0, "a second interrupt would break off its cleaning up"


def test_a_run_whose_daemon_died_before_it_could_offer_it_is_offered(
    instances: Instances, instance: DagsterInstance, queued: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    report(instance, queued, DagsterEventType.RUN_STARTING)

    watch.look()
    assert instances.store.requests.pop(POLL) == [], "its daemon may be about to offer it"
    clock.advance(20)
    for _ in range(2):
        watch.look()

    [request] = instances.store.requests.pop(POLL)
    assert (request.api, request.run_id) == ("LAUNCH_RUN", queued.run_id)


def test_a_run_that_is_still_in_the_run_queue_is_left_to_the_daemons(
    instances: Instances, queued: DagsterRun, clock: ManualClock
) -> None:
    """As when a daemon died between our record and Dagster's status."""
    watch = RunWatch(instances.control)
    instances.store.launches.step("prod", queued.run_id, Dequeue())

    for _ in range(3):
        watch.look()
        clock.advance(20)

    assert instances.store.requests.pop(POLL) == []


def test_a_run_that_cannot_be_offered_any_more_is_failed(
    instances: Instances, instance: DagsterInstance, queued: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    report(instance, queued, DagsterEventType.RUN_STARTING)
    prod = instances.store.deployments.get("prod")
    instances.control.locations.remove(SYSTEM, prod, "weather")
    watch.look()
    clock.advance(20)

    watch.look()

    assert status(instance, queued) is DagsterRunStatus.FAILURE
    assert "The run cannot be launched: " in messages(instance, queued)


def test_a_run_that_was_created_and_never_queued_is_failed(
    instances: Instances, instance: DagsterInstance, clock: ManualClock
) -> None:
    """As when the web server dies between the two."""
    run = instance.run_storage.add_run(DagsterRun(job_name="job", run_id=make_new_run_id()))
    clock.advance(time.time() - clock())
    watch = RunWatch(instances.control)

    watch.look()
    assert status(instance, run) is DagsterRunStatus.NOT_STARTED
    clock.advance(DEFAULT_START_TIMEOUT_SECONDS + 60)
    watch.look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "never came into the run queue" in messages(instance, run)


def test_a_worker_that_never_started_its_run_is_ended_with_the_limit_as_reason(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    answer_all(instances)
    begin(instances, run, "agent-1")
    clock.advance(DEFAULT_START_TIMEOUT_SECONDS)
    instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])

    watch.look()
    assert status(instance, run) is DagsterRunStatus.CANCELING
    assert answer_all(instances) == ["TERMINATE_RUN"]
    clock.advance(ENDED_EARLY_SECONDS)
    watch.look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "its worker never reported" in messages(instance, run)


def test_a_starting_run_whose_agent_is_gone_ends_at_the_limit(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    begin(instances, run, "agent-1")
    clock.advance(DEFAULT_START_TIMEOUT_SECONDS)

    RunWatch(instances.control).look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "its worker never reported" in messages(instance, run)


@pytest.mark.parametrize("starts", [False, True])
def test_a_run_that_was_terminated_before_it_started_ends_when_its_agent_has_ended_it(
    instances: Instances,
    instance: DagsterInstance,
    run: DagsterRun,
    clock: ManualClock,
    *,
    starts: bool,
) -> None:
    answer_all(instances)
    begin(instances, run, "agent-1")
    instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    instance.run_launcher.terminate(run.run_id)
    answer_all(instances)
    if starts:
        report(instance, run, DagsterEventType.RUN_START)
    clock.advance(ENDED_EARLY_SECONDS)

    RunWatch(instances.control).look()

    expected = DagsterRunStatus.CANCELING if starts else DagsterRunStatus.CANCELED
    assert status(instance, run) is expected, "a worker that has started says itself how it ended"
