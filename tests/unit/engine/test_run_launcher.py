"""Launching through the queue: what waits, what is told, and what becomes of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
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

from dagstead.control.requests import REFUSED_AT_THE_GATE
from dagstead.engine.instances import Instances
from dagstead.engine.orchestration import fail_launch
from dagstead.engine.run_launcher import AGENT_ID_TAG
from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat
from dagstead.plane.locations import NewLocation
from dagstead.plane.requests import Claim, RequestState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.housekeeping import Housekeeping
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
def run(instance: DagsterInstance) -> DagsterRun:
    """A run that is being launched, and waits on the queue."""
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
    )
    added = instance.run_storage.add_run(
        DagsterRun(
            job_name="job",
            run_id=make_new_run_id(),
            status=DagsterRunStatus.STARTING,
            remote_job_origin=origin,
        )
    )
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=added, workspace=None))
    return added


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


@dataclass(frozen=True, kw_only=True)
class Started:
    """A run under way, and when it began, in seconds since 1970."""

    run: DagsterRun
    start_time: float


def started_run(instance: DagsterInstance, run: DagsterRun, *, agent_id: str) -> Started:
    instance.add_run_tags(run.run_id, {AGENT_ID_TAG: agent_id})
    begun = DagsterEvent(event_type_value=DagsterEventType.RUN_START.value, job_name="job")
    instance.report_dagster_event(begun, run.run_id)
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    assert record.start_time is not None
    return Started(run=record.dagster_run, start_time=record.start_time)


def test_a_launch_that_nobody_takes_says_why_in_the_runs_log(
    instance: DagsterInstance, run: DagsterRun
) -> None:
    assert "No agent is running that could serve queue 'gpu'" in messages(instance, run)


def test_a_run_that_never_starts_is_told_the_reason_and_cannot_start_later(
    instance: DagsterInstance, run: DagsterRun, store: Store
) -> None:
    reason = instance.run_launcher.get_run_worker_debug_info(run)

    assert reason is not None
    assert "queue 'gpu'" in reason
    assert store.requests.pop(POLL) == []


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

    staging.run_launcher.get_run_worker_debug_info(run)
    staging.run_launcher.terminate(run.run_id)

    [launch] = instances.store.requests.of_run("prod", run.run_id)
    assert launch.state is RequestState.WAITING


def test_a_run_that_an_agent_took_is_terminated_by_that_queue(
    instance: DagsterInstance, run: DagsterRun, store: Store
) -> None:
    store.requests.pop(POLL)

    assert instance.run_launcher.terminate(run.run_id)

    assert [request.api for request in store.requests.pop(POLL)] == ["TERMINATE_RUN"]


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
    store.requests.begin_launch("prod", run.run_id, "agent-1")
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
@pytest.mark.parametrize("status", [WorkerStatus.FAILED, WorkerStatus.NOT_FOUND])
def test_a_worker_that_died_is_known_from_heartbeats_that_cannot_be_older_than_it(
    instance: DagsterInstance,
    run: DagsterRun,
    store: Store,
    clock: ManualClock,
    *,
    seconds_after_start: float,
    lost: bool,
    status: WorkerStatus,
) -> None:
    started = started_run(instance, run, agent_id="launched-it")
    received_at = started.start_time + seconds_after_start
    clock.advance(received_at - clock())
    none = beat(received_at, agent_id="launched-it", statuses=reported_statuses())
    store.agents.record([none])
    launcher = instance.run_launcher
    assert launcher.check_run_worker_health(started.run).status is WorkerStatus.RUNNING

    reported = reported_statuses(CloudRunWorkerStatus(run.run_id, status, "out of memory"))
    store.agents.record([beat(received_at, agent_id="launched-it", statuses=reported)])

    health = launcher.check_run_worker_health(started.run)
    assert health.status is (status if lost else WorkerStatus.RUNNING)
    assert health.msg == ("out of memory" if lost else None)


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
