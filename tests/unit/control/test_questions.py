"""Whoever asks a location's code waits for an agent's answer, or learns why none comes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiErrorResponse,
    DagsterCloudApiGrpcResponse,
    DagsterCloudApiResponse,
)
from dagster_shared.error import SerializableErrorInfo

from dagstead.control import bell
from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.questions import Answer, Question
from dagstead.control.requests import Poll
from dagstead.engine.calls import AgentCalls
from dagstead.errors import NoAnswerError
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import Claim, Request
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store

_PATIENCE = 60


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """The deployment prod, where weather is live on the queue gpu."""
    opened = empty_store(tmp_path, clock)
    opened.deployments.create("prod")
    deploy(opened, "prod", [new_location("weather", "1", "gpu")])
    opened.releases.set_loaded("prod", "weather", deploy_id="1", manifest="{}")
    yield opened
    opened.close()


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rings where a test moves the clock, or changes the store."""
    monkeypatch.setattr(bell, "LOOK_SECONDS", 0.02)


@pytest.fixture
def pool(clock: ManualClock) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool
        # After a test that failed, nobody else ends the wait.
        clock.advance(3600)


def calling_agent(store: Store) -> Actor:
    """An agent that has just begun to poll."""
    token = store.tokens.create("gpu", TokenKind.AGENT, "secret", Grant())

    def is_heard() -> bool:
        # Not while somebody else writes; agents poll again.
        store.token_calls.polled(token.id)
        return token.id in store.token_calls.presence().calls

    eventually(is_heard, _PATIENCE, "its poll")
    return Actor.holding(token)


def ask(
    pool: ThreadPoolExecutor, control: Control, seconds: float, api: str = "X"
) -> Future[Answer]:
    deployment = control.deployments.named(SYSTEM, "prod")
    now = control.clock()
    question = Question(
        location="weather", api=api, args=None, asked_at=now, deadline=now + seconds
    )
    return pool.submit(control.questions.ask, SYSTEM, deployment, question)


def asked(store: Store, api: str = "X") -> Request:
    (request,) = eventually(
        lambda: [each for each in store.requests.open(ORGANIZATION) if each.api == api],
        _PATIENCE,
        "the request",
    )
    return request


def heard(store: Store) -> None:
    """Wait until somebody asks, and finds no agent."""
    eventually(lambda: store.queue_calls.of(ORGANIZATION, "gpu").missed_at, _PATIENCE, "the caller")


def take(control: Control, agent: Actor) -> None:
    control.requests.take(agent, Poll(full_deployments=["prod"], queues=["gpu"]))


def test_the_first_answer_of_an_agent_is_returned(
    store: Store, control: Control, pool: ThreadPoolExecutor
) -> None:
    agent = calling_agent(store)
    waiting = ask(pool, control, 60)
    request = asked(store)
    assert (request.queue, request.location) == ("gpu", "weather")

    prod = store.deployments.get("prod")
    assert control.requests.answer(agent, prod, request.id, "nobody gave it to it") is None
    take(control, agent)
    assert control.requests.answer(agent, prod, request.id, "first") is not None
    assert control.requests.answer(agent, prod, request.id, "second") is None
    assert waiting.result(_PATIENCE).text == "first"


def test_without_an_agent_the_wait_ends_soon(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    waiting = ask(pool, control, 600)
    heard(store)
    clock.advance(4)
    with pytest.raises(NoAnswerError, match="'weather': nobody serves it since .* No agent is run"):
        waiting.result(_PATIENCE)
    assert not [each for each in store.requests.open(ORGANIZATION) if each.api == "X"]


def test_an_agent_that_is_being_started_is_waited_for(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    control.metrics.scale(SYSTEM, "gpu")
    waiting = ask(pool, control, 600)
    eventually(lambda: control.metrics.scale(SYSTEM, "gpu").waiting, _PATIENCE, "the signal")
    clock.advance(30)
    assert not waiting.done()

    agent = calling_agent(store)
    request = asked(store)
    take(control, agent)
    control.requests.answer(agent, store.deployments.get("prod"), request.id, "here I am")

    assert waiting.result(_PATIENCE).text == "here I am"


def test_nobody_is_waited_for_when_the_scaler_is_gone_too(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    control.metrics.scale(SYSTEM, "gpu")
    waiting = ask(pool, control, 600)
    heard(store)
    clock.advance(130)
    with pytest.raises(NoAnswerError, match="nobody serves it"):
        waiting.result(_PATIENCE)


def test_ticks_are_not_held_for_an_agent(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    control.metrics.scale(SYSTEM, "gpu")
    api = DagsterCloudApi.GET_EXTERNAL_SCHEDULE_EXECUTION_DATA.value
    waiting = ask(pool, control, 600, api=api)
    heard(store)
    clock.advance(4)
    with pytest.raises(NoAnswerError, match="nobody serves it"):
        waiting.result(_PATIENCE)
    # The daemon asks again, and an agent is there by then.
    assert control.metrics.scale(SYSTEM, "gpu").waiting == 1


def test_code_that_cannot_be_loaded_is_not_waited_for(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    calling_agent(store)
    prod = store.deployments.get("prod")
    reason = "Its agent cannot reach its code server."
    control.statuses.note_refused(SYSTEM, prod, store.locations.get("prod", "weather"), reason)
    waiting = ask(pool, control, 600)

    def is_answered_later() -> bool:
        clock.advance(1)
        return waiting.done()

    eventually(is_answered_later, _PATIENCE, "the answer")
    with pytest.raises(NoAnswerError, match=f"'weather': in error. {reason} "):
        waiting.result(_PATIENCE)


def test_a_refused_call_is_forgotten_when_another_is_answered(
    store: Store, control: Control
) -> None:
    prod = store.deployments.get("prod")
    calling_agent(store)
    control.statuses.note_refused(SYSTEM, prod, store.locations.get("prod", "weather"), "Gone.")
    assert str(control.statuses.all(SYSTEM, prod)["weather"]) == "in error"
    control.statuses.note_answered(SYSTEM, prod, store.locations.get("prod", "weather"))
    assert str(control.statuses.all(SYSTEM, prod)["weather"]) == "live"


def test_an_agent_that_does_not_answer_is_waited_for_until_the_deadline(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    store.agents.record([heartbeat_of("gpu", now=clock())])
    waiting = ask(pool, control, 60)
    asked(store)
    clock.advance(60)
    with pytest.raises(NoAnswerError, match="in 60 seconds. It waits on queue"):
        waiting.result(_PATIENCE)


def two_agents(store: Store, clock: ManualClock, *states: ServerState) -> None:
    """Agents with a token each, which report these states of their code servers of weather."""
    # A heartbeat of the first seconds after a change says nothing about it.
    clock.advance(10)
    for token, state in enumerate(states, 1):
        store.tokens.create(f"agent {token}", TokenKind.AGENT, f"secret {token}", Grant())
        store.token_calls.polled(token)
        report = ServerReport(location="weather", state=state)
        who = {"agent_id": f"a-{token}", "token_id": token}
        store.agents.record([heartbeat_of("gpu", now=clock(), servers=(report,), **who)])


def poll(token: int) -> Claim:
    return Claim(
        token_id=token,
        deployments=frozenset({"prod"}),
        branch_deployments=False,
        queues=frozenset({"gpu"}),
    )


@pytest.mark.parametrize("state", [ServerState.FAILED, ServerState.STARTING])
def test_an_agent_without_the_code_server_is_not_asked(
    store: Store,
    control: Control,
    pool: ThreadPoolExecutor,
    clock: ManualClock,
    state: ServerState,
) -> None:
    two_agents(store, clock, state, ServerState.RUNNING)
    waiting = ask(pool, control, 60)
    request = asked(store)

    assert store.requests.pop(poll(1)) == []
    assert [each.id for each in store.requests.pop(poll(2))] == [request.id]
    store.requests.answer("prod", request.id, "text", by=None)
    answer = waiting.result(_PATIENCE)
    assert (answer.text, answer.otherwise) == ("text", None), "there is nobody else to ask"


def test_of_agents_that_have_the_code_any_may_be_asked_and_then_the_other(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    two_agents(store, clock, ServerState.RUNNING, ServerState.RUNNING)
    waiting = ask(pool, control, 60)
    first = asked(store)
    assert [each.id for each in store.requests.pop(poll(2))] == [first.id]
    store.requests.answer("prod", first.id, "cannot reach it", by=None)

    otherwise = waiting.result(_PATIENCE).otherwise
    assert otherwise is not None
    assert otherwise.refused_by == {2}
    waiting = pool.submit(control.questions.ask, SYSTEM, store.deployments.get("prod"), otherwise)
    second = asked(store)
    assert store.requests.pop(poll(2)) == []
    assert [each.id for each in store.requests.pop(poll(1))] == [second.id]
    store.requests.answer("prod", second.id, "text", by=None)
    assert waiting.result(_PATIENCE).otherwise is None


NAMES = DagsterCloudApi.GET_EXTERNAL_PARTITION_NAMES
UNREACHABLE = DagsterCloudApiErrorResponse(
    error_infos=[SerializableErrorInfo("status = StatusCode.UNAVAILABLE", stack=[], cls_name=None)]
)
ANSWERED = DagsterCloudApiGrpcResponse(serialized_response_or_error="names")


def test_a_call_that_one_agent_cannot_pass_on_is_made_by_the_other(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    two_agents(store, clock, ServerState.RUNNING, ServerState.RUNNING)
    prod = store.deployments.get("prod")
    waiting = pool.submit(AgentCalls(control).ask, prod, "weather", NAMES, None, timeout=60)
    responses: list[DagsterCloudApiResponse] = [UNREACHABLE, ANSWERED]
    for token, response in enumerate(responses, 1):
        request = asked(store, NAMES.value)
        assert [each.id for each in store.requests.pop(poll(token))] == [request.id]
        store.requests.answer("prod", request.id, serialize_value(response), by=None)

    assert waiting.result(_PATIENCE) == "names"
    assert store.locations.get("prod", "weather").refused is None


def test_an_agent_that_has_just_loaded_it_is_asked_again(
    store: Store, control: Control, pool: ThreadPoolExecutor
) -> None:
    """It uploads definitions a moment before it puts their code server to work."""
    agent, prod = calling_agent(store), store.deployments.get("prod")
    waiting = pool.submit(AgentCalls(control).ask, prod, "weather", NAMES, None, timeout=60)
    responses: list[DagsterCloudApiResponse] = [UNREACHABLE, UNREACHABLE, ANSWERED]
    for response in responses:
        request = asked(store, NAMES.value)
        take(control, agent)
        control.requests.answer(agent, prod, request.id, serialize_value(response))

    assert waiting.result(_PATIENCE) == "names"
    assert store.locations.get("prod", "weather").refused is None


@pytest.mark.parametrize(("changed_seconds_ago", "questions"), [(0, 5), (10, 1)])
def test_an_agent_that_goes_on_to_be_unable_to_reach_it_is_believed(
    store: Store,
    control: Control,
    pool: ThreadPoolExecutor,
    clock: ManualClock,
    changed_seconds_ago: float,
    questions: int,
) -> None:
    clock.advance(changed_seconds_ago)
    agent, prod = calling_agent(store), store.deployments.get("prod")
    waiting = pool.submit(AgentCalls(control).ask, prod, "weather", NAMES, None, timeout=60)
    for _ in range(questions):
        request = asked(store, NAMES.value)
        take(control, agent)
        control.requests.answer(agent, prod, request.id, serialize_value(UNREACHABLE))

    eventually(lambda: store.locations.get("prod", "weather").refused, _PATIENCE, "the note")
    clock.advance(60)
    with pytest.raises(DagsterUserCodeUnreachableError):
        waiting.result(_PATIENCE)


def test_how_long_was_waited_counts_from_the_question(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    deploy(store, "prod", [new_location("weather", "2", "gpu")])
    store.releases.set_failed("prod", "weather", deploy_id="2", error="{}")
    store.agents.record([heartbeat_of("gpu", now=clock())])
    waiting = ask(pool, control, 60)
    clock.advance(60)
    with pytest.raises(NoAnswerError, match="in 60 seconds"):
        waiting.result(_PATIENCE)


def test_while_all_its_agents_start_their_code_servers_it_says_so(
    store: Store, control: Control, pool: ThreadPoolExecutor, clock: ManualClock
) -> None:
    agent = calling_agent(store)
    waiting = ask(pool, control, 60)
    asked(store)
    assert agent.token is not None
    for _ in range(6):
        # It is never silent for long.
        clock.advance(10)
        store.token_calls.asked(agent.token.id)
    with pytest.raises(
        NoAnswerError, match="in 60 seconds. The agents of queue .gpu. are starting the"
    ):
        waiting.result(_PATIENCE)


def test_a_location_that_goes_back_is_asked_when_it_is_back(
    store: Store, control: Control, pool: ThreadPoolExecutor
) -> None:
    deploy(store, "prod", [new_location("weather", "2", "gpu")])
    store.releases.set_failed("prod", "weather", deploy_id="2", error="{}")
    assert store.locations.get("prod", "weather").is_returning
    agent = calling_agent(store)
    waiting = ask(pool, control, 60)
    assert [each for each in store.requests.open(ORGANIZATION) if each.api == "X"] == []

    store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="{}")
    request = asked(store)
    take(control, agent)
    control.requests.answer(agent, store.deployments.get("prod"), request.id, "text")
    assert not waiting.result(_PATIENCE).asked.is_returning
