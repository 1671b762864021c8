"""Launching through the queue: what waits, what is told, and what becomes of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

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
from dagster._core.launcher import LaunchRunContext, WorkerStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id
from dagster._serdes import serialize_value
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus, CloudRunWorkerStatuses
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.actor import SYSTEM
from dagstead.control.requests import REFUSED_AT_THE_GATE
from dagstead.engine.instances import Instances
from dagstead.engine.orchestration import fail_launch
from dagstead.errors import ForbiddenError
from dagstead.plane.agents import ALIVE_SECONDS, POOL_LABEL, Heartbeat
from dagstead.plane.launch_machine.events import End, LaunchAnswer, WorkerCall
from dagstead.plane.launch_watch import (
    DEFAULT_START_TIMEOUT_SECONDS,
    OLD_NEWS_SECONDS,
    SETTLING_SECONDS,
)
from dagstead.plane.launches import How, LaunchEnd, RunEnd
from dagstead.plane.locations import NewLocation
from dagstead.plane.requests import Claim, RequestState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.housekeeping import Housekeeping
from dagstead.watch.run_watch import RunWatch
from tests.support.heartbeats import heartbeat_of
from tests.support.releases import deploy
from tests.support.stores import empty_store

POLL = Claim(
    token_id=1,
    deployments=frozenset({"prod"}),
    branch_deployments=False,
    queues=frozenset({"gpu"}),
)

WEATHER = NewLocation(name="weather", document={}, deploy_data="{}", deploy_id="1", queue="gpu")


@pytest.fixture(scope="module")
def made_deployments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The databases of a deployment without runs: making them takes longer than a test."""
    folder = tmp_path_factory.mktemp("made")
    store = empty_store(folder, ManualClock())
    opened = Instances(store, folder / "deployments", None)
    opened.get(store.deployments.create("prod"))
    opened.close()
    store.close()
    return folder / "deployments"


@pytest.fixture
def instances(made_deployments: Path, tmp_path: Path, clock: ManualClock) -> Iterator[Instances]:
    shutil.copytree(made_deployments, tmp_path / "deployments")
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    deploy(store, "prod", [WEATHER])
    opened = Instances(store, tmp_path / "deployments", None)
    yield opened
    opened.close()
    store.close()


@pytest.fixture
def store(instances: Instances) -> Store:
    return instances.store


@pytest.fixture
def instance(instances: Instances) -> DagsterInstance:
    return instances.get(instances.store.deployments.get("prod"))


@pytest.fixture
def queued(instance: DagsterInstance) -> DagsterRun:
    """A run that waits in the run queue."""
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
    )
    added = instance.run_storage.add_run(
        DagsterRun(job_name="job", run_id=make_new_run_id(), remote_job_origin=origin)
    )
    report(instance, added, DagsterEventType.RUN_ENQUEUED)
    return added


@pytest.fixture
def run(instance: DagsterInstance, queued: DagsterRun) -> DagsterRun:
    """A run that is being launched: its request waits for an agent."""
    report(instance, queued, DagsterEventType.RUN_STARTING)
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=queued, workspace=None))
    return queued


def messages(instance: DagsterInstance, run: DagsterRun) -> str:
    return "\n".join(entry.message for entry in instance.all_logs(run.run_id))


def reported_statuses(*statuses: CloudRunWorkerStatus) -> CloudRunWorkerStatuses:
    return CloudRunWorkerStatuses(
        list(statuses),
        run_worker_monitoring_supported=True,
        run_worker_monitoring_thread_alive=True,
    )


def beat(received_at: float, *, agent_id: str, statuses: CloudRunWorkerStatuses) -> Heartbeat:
    return heartbeat_of(
        "gpu",
        now=received_at,
        agent_id=agent_id,
        run_worker_statuses=serialize_value(statuses),
    )


def begin(instances: Instances, run: DagsterRun, agent_id: str) -> None:
    control = instances.control
    deployment = control.deployments.named(SYSTEM, "prod")
    control.requests.begin_launch(SYSTEM, deployment, run.run_id, agent_id)


def report(
    instance: DagsterInstance, run: DagsterRun, kind: DagsterEventType, message: str = ""
) -> None:
    event = DagsterEvent(event_type_value=kind.value, job_name="job", message=message)
    instance.report_dagster_event(event, run.run_id)


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_launch_that_nobody_takes_says_why_in_the_runs_log(
    instance: DagsterInstance, run: DagsterRun
) -> None:
    assert "No agent is running that could serve queue 'gpu'" in messages(instance, run)


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


def test_a_launch_that_no_agent_took_is_withdrawn_by_termination(
    instance: DagsterInstance, run: DagsterRun, store: Store
) -> None:
    assert instance.run_launcher.terminate(run.run_id)

    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is DagsterRunStatus.CANCELED
    assert store.requests.pop(POLL) == []


def test_a_foreign_run_of_the_same_id_does_not_withdraw_a_launch(
    instances: Instances, run: DagsterRun
) -> None:
    """Agents store runs under ids of their own choice in their own deployment."""
    staging = instances.get(instances.store.deployments.create("staging"))
    deploy(instances.store, "staging", [WEATHER])
    staging.run_storage.add_run(run)

    staging.run_launcher.terminate(run.run_id)

    [launch] = instances.store.requests.of_run("prod", run.run_id)
    assert launch.state is RequestState.WAITING


def test_a_run_that_an_agent_took_and_has_not_begun_ends_at_once(
    instances: Instances, instance: DagsterInstance, run: DagsterRun
) -> None:
    instances.store.requests.pop(POLL)

    assert instance.run_launcher.terminate(run.run_id)

    assert status(instance, run) is DagsterRunStatus.CANCELED
    with pytest.raises(ForbiddenError, match="must not be started by this agent"):
        begin(instances, run, "agent-1")


def test_a_run_that_an_agent_began_is_terminated_by_that_queue(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    store = instances.store
    store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")

    assert instance.run_launcher.terminate(run.run_id)

    assert status(instance, run) is DagsterRunStatus.CANCELING
    assert [request.api for request in store.requests.pop(POLL)] == ["TERMINATE_RUN"]


def test_a_run_is_terminated_where_it_was_launched_though_its_location_has_moved(
    instances: Instances, instance: DagsterInstance, run: DagsterRun
) -> None:
    store = instances.store
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    deploy(store, "prod", [replace(WEATHER, deploy_id="2", queue="elsewhere")])

    instance.run_launcher.terminate(run.run_id)

    assert [request.api for request in store.requests.pop(POLL)] == ["TERMINATE_RUN"]


def test_a_termination_that_nobody_can_carry_out_says_so_and_when_it_ends(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    store = instances.store
    store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    clock.advance(ALIVE_SECONDS + 5)

    assert not instance.run_launcher.terminate(run.run_id)

    assert "No live agent can carry this out" in messages(instance, run)
    assert "silent for 95 seconds" in messages(instance, run)
    clock.advance(180)
    RunWatch(instances.control).look()
    assert status(instance, run) is DagsterRunStatus.CANCELED
    assert "it may still be running" in messages(instance, run)


def test_a_queued_run_that_was_canceled_is_not_launched_by_a_daemon_that_took_it(
    instances: Instances, instance: DagsterInstance, queued: DagsterRun
) -> None:
    """As the daemon of open-source Dagster does it, when a termination comes in between."""
    instance.run_coordinator.cancel_run(queued.run_id)
    starting = DagsterEvent(event_type_value=DagsterEventType.RUN_STARTING.value, job_name="job")
    instance.report_dagster_event(starting, queued.run_id)

    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=queued, workspace=None))

    assert status(instance, queued) is DagsterRunStatus.CANCELED
    assert instances.store.requests.of_run("prod", queued.run_id) == []


def test_a_launch_is_delivered_again_when_its_agent_is_gone_before_it_began(
    instances: Instances, run: DagsterRun, clock: ManualClock
) -> None:
    store = instances.store
    store.requests.pop(POLL)
    Housekeeping(instances.control).tidy_queue()
    assert store.requests.pop(POLL) == [], "its agent may still be at it"

    clock.advance(ALIVE_SECONDS + 1)
    Housekeeping(instances.control).tidy_queue()

    assert [request.run_id for request in store.requests.pop(POLL)] == [run.run_id]


def test_a_launch_that_was_begun_is_not_delivered_again(
    instances: Instances, run: DagsterRun, clock: ManualClock
) -> None:
    store = instances.store
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    clock.advance(ALIVE_SECONDS + 1)

    Housekeeping(instances.control).tidy_queue()

    assert store.requests.pop(POLL) == []


def test_the_launch_of_an_ended_run_is_withdrawn(
    instances: Instances, instance: DagsterInstance, run: DagsterRun
) -> None:
    instance.report_run_failed(run, "somebody else said so")

    Housekeeping(instances.control).tidy_queue()

    [launch] = instances.store.requests.of_run("prod", run.run_id)
    assert launch.state is RequestState.EXPIRED


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


def pool_beat(run: DagsterRun, clock: ManualClock, launch: int, *, killed: bool) -> Heartbeat:
    said = CloudRunWorkerStatus(
        run.run_id,
        WorkerStatus.FAILED,
        "killed by signal 9" if killed else "ended with code 1",
        transient=killed,
        run_worker_id=f"17 of launch {launch}",
    )
    pool = beat(clock(), agent_id="pool-2", statuses=reported_statuses(said))
    return replace(pool, label=POOL_LABEL)


def test_a_worker_of_the_pool_that_died_before_its_run_started_is_known_from_its_exit(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    begin(instances, run, "pool-1")
    instances.store.agents.record([pool_beat(run, clock, 1, killed=False)])

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
        store.requests.answer("prod", request.id, "{}")
        clock.advance(OLD_NEWS_SECONDS)
        assert status(instance, run) is DagsterRunStatus.STARTING
        store.agents.record([pool_beat(run, clock, launch, killed=True)])
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
    store.agents.record([pool_beat(run, clock, 1, killed=True)])
    clock.advance(SETTLING_SECONDS)
    watch.look()
    begin(instances, run, "pool-1")

    store.agents.record([pool_beat(run, clock, 1, killed=True)])
    clock.advance(SETTLING_SECONDS)
    watch.look()

    assert status(instance, run) is DagsterRunStatus.STARTING
    assert len(store.launches.of_run("prod", run.run_id)) == 2


def test_a_worker_that_asked_for_its_run_and_stopped_asking_is_gone(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    watch = RunWatch(instances.control)
    begin(instances, run, "agent-1")
    report(instance, run, DagsterEventType.RUN_START)

    def pass_time(seconds: float) -> None:
        instances.store.agents.record([heartbeat_of("gpu", now=clock(), agent_id="agent-1")])
        watch.look()
        clock.advance(seconds)

    for _ in range(3):
        pass_time(10)
        instances.store.launches.step("prod", run.run_id, WorkerCall())
    for _ in range(2):
        pass_time(28)
        assert status(instance, run) is DagsterRunStatus.STARTED
    pass_time(10)
    watch.look()

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "The run worker is gone: it asked for its run" in messages(instance, run)


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
                store.requests.answer("prod", request.id, "{}")
            clock.advance(10)
        return found

    assert asked() == 1
    store.launches.step("prod", run.run_id, LaunchAnswer(request_id=launch.id))
    assert asked() == 1, "the worker was not there at the first time"
    assert asked() == 0, "a second interrupt would break off its cleaning up"


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


def test_an_agent_that_could_not_launch_fails_the_run_with_its_reason(
    instance: DagsterInstance, run: DagsterRun
) -> None:
    error = SerializableErrorInfo(message="no such image\n", stack=[], cls_name="ImageError")

    fail_launch(instance, run.run_id, [error])

    failed = instance.get_run_by_id(run.run_id)
    assert failed is not None
    assert failed.status is DagsterRunStatus.FAILURE
    assert "no such image" in messages(instance, run)


def test_the_second_agent_of_a_launch_does_not_fail_the_firsts_run(
    instance: DagsterInstance, run: DagsterRun
) -> None:
    error = SerializableErrorInfo(message=f"Run {REFUSED_AT_THE_GATE}", stack=[], cls_name=None)

    fail_launch(instance, run.run_id, [error])

    unharmed = instance.get_run_by_id(run.run_id)
    assert unharmed is not None
    assert unharmed.status is DagsterRunStatus.STARTING
