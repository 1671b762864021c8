"""Runs are taken from the run queue as far as their agent queues allow; others stay QUEUED."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from dagstead.control.actor import SYSTEM
from dagstead.engine.daemon_loop import DaemonLoop
from dagstead.engine.daemon_turns import Turns
from dagstead.engine.instances import Instances
from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.plane.launch_machine.events import Dequeue
from dagstead.plane.locations import NewLocation
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queues import Fallback, FallbackKind, QueueChange
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.releases import deploy
from tests.unit.engine.runs import WEATHER, messages, report, status

_NEVER_SECONDS = 3600
_PATIENCE = 30
QUEUED, STARTING = DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING


@pytest.fixture
def take(instances: Instances) -> Callable[..., None]:
    """Has the daemon of a deployment look at its run queue once."""

    def look(name: str = "prod") -> None:
        deployment = instances.store.deployments.get(name)
        daemon = RunQueueDaemon(1, instances.control, deployment)
        workspace = DeploymentWorkspace(
            name, instances, base_url="http://127.0.0.1:1", fixed=deployment
        )
        list(daemon.run_iteration(workspace))

    return look


def test_a_run_is_taken_as_soon_as_it_is_queued_or_has_a_place(
    instances: Instances, store: Store
) -> None:
    store.deployments.set_settings("prod", {"run_queue": {"max_concurrent_runs": 1}})
    deployment = store.deployments.get("prod")
    instance = instances.get(deployment)
    daemon = RunQueueDaemon(_NEVER_SECONDS, instances.control, deployment)
    workspace = DeploymentWorkspace(
        "prod", instances, base_url="http://127.0.0.1:1", fixed=deployment
    )
    turns = Turns()
    loop = DaemonLoop(daemon, workspace, is_quiet=lambda: False)
    with instances.control.dequeues.listen(SYSTEM, deployment) as listener:
        listener.when_rung(partial(turns.call, loop))
        turns.add(loop)
        first = enqueue(instance)
        eventually(lambda: status(instance, first) is STARTING, _PATIENCE, "the first run")
        second = enqueue(instance)
        report(instance, first, DagsterEventType.RUN_SUCCESS)
        eventually(lambda: status(instance, second) is STARTING, _PATIENCE, "the second run")
        report(instance, second, DagsterEventType.RUN_FAILURE)
        queues = instances.control.queues
        queues.pause(SYSTEM, "gpu", None, None)
        third = enqueue(instance)
        queues.resume(SYSTEM, "gpu")
        eventually(lambda: status(instance, third) is STARTING, _PATIENCE, "the third run")
        loop.stop()
        turns.call(loop)
        assert turns.stop(_PATIENCE)


def origin_at(location: str) -> RemoteJobOrigin:
    return RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), "job"
    )


def enqueue(instance: DagsterInstance, location: str = "weather") -> DagsterRun:
    run = instance.run_storage.add_run(
        DagsterRun(job_name="job", run_id=make_new_run_id(), remote_job_origin=origin_at(location))
    )
    report(instance, run, DagsterEventType.RUN_ENQUEUED)
    return run


def change(instances: Instances, queue: str | None, **values: object) -> None:
    instances.control.queues.set(SYSTEM, queue, QueueChange(**values))  # type: ignore[arg-type]


def test_runs_of_a_paused_queue_stay_queued_until_it_is_resumed(
    instances: Instances, instance: DagsterInstance, take: Callable[..., None]
) -> None:
    queues = instances.control.queues
    queues.pause(SYSTEM, "gpu", "Driver update", None)
    runs = [enqueue(instance) for _ in range(3)]
    take()
    assert {status(instance, run) for run in runs} == {QUEUED}
    view = queues.get(SYSTEM, "gpu")
    assert (view.runs.count, view.running) == (3, 0)
    assert view.pause is not None
    assert view.pause.note == "Driver update"

    assert queues.resume(SYSTEM, "gpu")
    take()
    assert {status(instance, run) for run in runs} == {STARTING}
    assert queues.get(SYSTEM, "gpu").running == 3


def test_a_pause_that_has_ended_by_itself_holds_nothing(
    instances: Instances,
    instance: DagsterInstance,
    take: Callable[..., None],
    clock: ManualClock,
) -> None:
    instances.control.queues.pause(SYSTEM, "gpu", None, clock() + 60)
    run = enqueue(instance)
    take()
    assert status(instance, run) is QUEUED
    clock.advance(60)
    take()
    assert status(instance, run) is STARTING


def test_what_a_queue_holds_takes_no_place_of_others(
    instances: Instances, take: Callable[..., None], store: Store
) -> None:
    other = NewLocation(name="digits", document={}, deploy_data="{}", deploy_id="1", queue=None)
    deploy(store, "prod", [other])
    store.deployments.set_settings("prod", {"run_queue": {"max_concurrent_runs": 1}})
    opened = instances.get(store.deployments.get("prod"))
    change(instances, "gpu", limit=1, priority=5)
    first, second = enqueue(opened), enqueue(opened)
    third = enqueue(opened, "digits")
    take()
    assert [status(opened, run) for run in (first, second, third)] == [STARTING, QUEUED, QUEUED]
    report(opened, first, DagsterEventType.RUN_SUCCESS)
    instances.control.queues.pause(SYSTEM, "gpu", None, None)
    take()
    assert [status(opened, run) for run in (second, third)] == [QUEUED, STARTING]


def test_a_limit_holds_over_all_deployments(
    instances: Instances, instance: DagsterInstance, take: Callable[..., None], store: Store
) -> None:
    staging = instances.get(store.deployments.create("staging"))
    deploy(store, "staging", [WEATHER])
    change(instances, "gpu", limit=1)
    here, there = enqueue(instance), enqueue(staging)
    take("prod")
    take("staging")
    assert (status(instance, here), status(staging, there)) == (STARTING, QUEUED)
    [holder] = instances.control.queues.get(SYSTEM, "gpu").holders
    assert (holder.deployment, holder.run_id) == ("prod", here.run_id)
    report(instance, here, DagsterEventType.RUN_FAILURE)
    take("staging")
    assert status(staging, there) is STARTING


def test_a_run_whose_daemon_died_in_between_goes_on_with_its_slot(
    instances: Instances, instance: DagsterInstance, take: Callable[..., None], store: Store
) -> None:
    change(instances, "gpu", limit=1)
    first, second = enqueue(instance), enqueue(instance)
    # Our record comes first; Dagster's storage does not know of it yet.
    store.launches.step("prod", second.run_id, Dequeue())
    instances.control.queues.pause(SYSTEM, "gpu", None, None)
    take()
    assert (status(instance, first), status(instance, second)) == (QUEUED, STARTING)


def test_a_deploy_does_not_move_a_queued_run(
    instance: DagsterInstance, take: Callable[..., None], store: Store
) -> None:
    before = enqueue(instance)
    moved = NewLocation(name="weather", document={}, deploy_data="{}", deploy_id="2", queue="cpu")
    deploy(store, "prod", [moved])
    after = enqueue(instance)
    take()
    queues = {each.run_id: each.queue for each in store.requests.open(ORGANIZATION) if each.run_id}
    assert queues == {before.run_id: "gpu", after.run_id: "cpu"}


def test_a_launch_past_the_run_queue_is_given_to_it(
    instances: Instances, instance: DagsterInstance, take: Callable[..., None]
) -> None:
    code = RepositoryPythonOrigin(
        executable_path="python", code_pointer=ModuleCodePointer("weather", "definitions")
    )
    run = instance.run_storage.add_run(
        DagsterRun(
            job_name="job",
            run_id=make_new_run_id(),
            remote_job_origin=origin_at("weather"),
            job_code_origin=JobPythonOrigin(job_name="job", repository_origin=code),
        )
    )
    deployment = instances.store.deployments.get("prod")
    workspace = DeploymentWorkspace(
        "prod", instances, base_url="http://127.0.0.1:1", fixed=deployment
    )
    instances.control.queues.pause(SYSTEM, "gpu", None, None)
    instance.launch_run(run.run_id, workspace.create_request_context())
    assert status(instance, run) is QUEUED
    take()
    assert status(instance, run) is QUEUED


def test_a_run_that_nobody_serves_falls_back_when_it_is_due(
    instances: Instances,
    instance: DagsterInstance,
    take: Callable[..., None],
    store: Store,
    clock: ManualClock,
) -> None:
    image = {"location_name": "weather", "image": "registry.example.org/weather:1"}
    deploy(store, "prod", [replace(WEATHER, document=image, deploy_id="2")])
    to_cpu = Fallback(kind=FallbackKind.QUEUE, queue="cpu")
    change(instances, "gpu", longest_wait_seconds=60.0, fallback=to_cpu)
    run = enqueue(instance)
    take()
    clock.advance(61)
    take()
    # Nobody serves the other queue either.
    assert status(instance, run) is QUEUED

    token = store.tokens.create("cpu", TokenKind.AGENT, "agent:x:y", Grant(queues=["cpu", "gpu"]))
    store.agents.record([heartbeat_of("cpu", now=clock(), token_id=token.id)])
    take()
    assert "The run goes to queue 'cpu', the fallback of queue 'gpu'." in messages(instance, run)
    take()
    assert status(instance, run) is STARTING
    [request] = [each for each in store.requests.open(ORGANIZATION) if each.run_id == run.run_id]
    assert (request.queue, request.for_token) == ("cpu", token.id)


def test_where_there_is_a_fallback_a_run_waits_until_agents_have_said_what_they_serve(
    instances: Instances,
    instance: DagsterInstance,
    take: Callable[..., None],
    store: Store,
    clock: ManualClock,
) -> None:
    """An official agent calls some seconds before its first heartbeat."""
    change(instances, "gpu", longest_wait_seconds=60.0, fallback=Fallback(kind=FallbackKind.FAIL))
    token = store.tokens.create("new", TokenKind.AGENT, "agent:x:y", Grant(queues=["cpu", "gpu"]))
    store.token_calls.polled(token.id)
    run, other = enqueue(instance), enqueue(instance)
    take()
    clock.advance(61)
    store.token_calls.polled(token.id)
    take()
    assert status(instance, run) is QUEUED

    store.agents.record([heartbeat_of("cpu", now=clock(), token_id=token.id)])
    take()
    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert status(instance, other) is DagsterRunStatus.FAILURE

    later = enqueue(instance)
    store.agents.record([heartbeat_of("gpu", now=clock(), token_id=token.id)])
    take()
    assert status(instance, later) is STARTING


def test_a_run_that_nobody_serves_fails_if_its_queue_says_so(
    instances: Instances,
    instance: DagsterInstance,
    take: Callable[..., None],
    clock: ManualClock,
) -> None:
    fails = Fallback(kind=FallbackKind.FAIL)
    change(instances, "gpu", longest_wait_seconds=60.0, fallback=fails)
    run = enqueue(instance)
    take()
    assert status(instance, run) is QUEUED
    clock.advance(61)
    take()
    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert "the fallback of queue 'gpu' is that runs fail" in messages(instance, run)
