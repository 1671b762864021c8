"""Launching through the queue: what waits, what is told, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.launcher import LaunchRunContext
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApiErrorResponse
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.actor import Actor
from dagstead.control.requests import REFUSED_AT_THE_GATE
from dagstead.engine.instances import Instances
from dagstead.engine.orchestration import fail_launch
from dagstead.errors import ForbiddenError
from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.requests import BEGIN_SECONDS, RequestState
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.housekeeping import Housekeeping
from dagstead.watch.run_watch import RunWatch
from tests.support.heartbeats import heartbeat_of
from tests.support.releases import deploy
from tests.unit.engine.runs import (
    POLL,
    WEATHER,
    begin,
    messages,
    status,
)


def test_a_launch_that_nobody_takes_says_why_in_the_runs_log(
    instance: DagsterInstance, run: DagsterRun
) -> None:
    assert "No agent is running that could serve queue 'gpu'" in messages(instance, run)


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


def test_a_run_is_terminated_by_the_agent_that_has_it_and_by_no_other(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> None:
    """Another one would mark the run as canceling, and end what has its process's number there."""
    store = instances.store
    other = replace(POLL, token_id=2)
    for token, agent_id in ((1, "agent-1"), (2, "agent-2")):
        store.agents.record([heartbeat_of("gpu", now=clock(), agent_id=agent_id, token_id=token)])
        store.token_calls.polled(token)
    store.requests.pop(POLL)
    begin(instances, run, "agent-1")

    instance.run_launcher.terminate(run.run_id)

    assert store.requests.pop(other) == []
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


def test_a_launch_that_its_agent_never_got_is_delivered_again(
    instances: Instances, run: DagsterRun, clock: ManualClock
) -> None:
    """The answer to its poll was lost, and the agent lives on and polls."""
    store = instances.store
    token = store.tokens.create("agent", TokenKind.AGENT, "agent:o:s", Grant())
    poll = replace(POLL, token_id=token.id)
    store.requests.pop(poll)
    for turn in (1, 2):
        clock.advance(BEGIN_SECONDS * turn - 1)
        store.agents.record([heartbeat_of("gpu", now=clock(), token_id=token.id)])
        Housekeeping(instances.control).tidy_queue()
        assert store.requests.pop(poll) == [], "it may be about to begin it"

        clock.advance(1)
        Housekeeping(instances.control).tidy_queue()
        assert [request.run_id for request in store.requests.pop(poll)] == [run.run_id]

    begin(instances, run, "agent-1")
    clock.advance(10 * BEGIN_SECONDS)
    Housekeeping(instances.control).tidy_queue()
    assert store.requests.pop(poll) == []


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


def test_an_answer_whose_taker_died_fails_the_launch_when_it_is_sent_again(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, store: Store
) -> None:
    [request] = store.requests.pop(POLL)
    begin(instances, run, "agent-1")
    error = SerializableErrorInfo("No such image.", [], None)
    answer = serialize_value(DagsterCloudApiErrorResponse(error_infos=[error]))
    assert store.requests.answer("prod", request.id, answer, by=None) is not None
    token = store.tokens.create("agent", TokenKind.AGENT, "secret", Grant())
    prod = store.deployments.get("prod")

    for _ in range(2):
        instances.control.requests.answer(Actor.holding(token), prod, request.id, answer)

    assert status(instance, run) is DagsterRunStatus.FAILURE
    assert messages(instance, run).count("could not launch this run: No such image.") == 1
