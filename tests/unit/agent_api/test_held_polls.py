"""A poll that gets nothing is held open, and gets what comes meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from dagstead.agent_api import held_calls
from dagstead.control.actor import SYSTEM
from dagstead.control.requests import HeldPoll
from dagstead.control.work import Work
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.testing import eventually
from tests.support.heartbeats import heartbeat_of
from tests.unit.agent_api.conftest import Wire

#: Longer than any test: what ends sooner was woken.
_HELD_SECONDS = 600.0
_DEADLINE = 60.0
_LONGEST = held_calls._longest
_POLL = """
mutation Poll($queues: [String], $deployments: [String!]) {
  userCloudAgent {
    popUserCloudAgentRequests(agentQueues: $queues, forFullDeployments: $deployments) { requestId }
  }
}
"""


@pytest.fixture(autouse=True)
def _for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls are held for longer than a test, and nobody looks now and then."""
    monkeypatch.setattr(held_calls, "_longest", lambda poll, *_: _seconds(poll))


def _seconds(poll: HeldPoll) -> float:
    return 0.3 if poll.is_short else _HELD_SECONDS


@pytest.fixture
def agent(wire: Wire) -> tuple[int, Mapping[str, str]]:
    """The token of an agent that has nothing to do, and the headers of its calls."""
    headers = wire.token(TokenKind.AGENT, Grant())
    token = wire.store.tokens.all()[-1].id
    wire.store.agents.record([heartbeat_of(now=wire.store.clock(), token_id=token)])
    return token, headers


@contextmanager
def polling(
    wire: Wire, headers: Mapping[str, str], *queues: str | None
) -> Iterator[Future[httpx.Response]]:
    """A poll under way, which is held."""
    variables = {"queues": list(queues), "deployments": ["prod"]}
    listeners = wire.store.bell._listeners._by_mark
    before = sum(map(len, listeners.values()))
    with ThreadPoolExecutor(1) as pool:
        json = {"query": _POLL, "variables": variables}
        poll = pool.submit(wire.call, "POST", "/graphql", headers=headers, json=json)
        eventually(
            lambda: poll.done() or sum(map(len, listeners.values())) > before, _DEADLINE, "the poll"
        )
        yield poll


def submit(wire: Wire, queue: str | None) -> str:
    work = Work(api=CHECK_FOR_WORKSPACE_UPDATES, queue=queue, lifetime_seconds=60.0)
    return wire.control.requests.submit(SYSTEM, wire.store.deployments.get("prod"), work)


def given(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    taken = answer.json()["data"]["userCloudAgent"]["popUserCloudAgentRequests"]
    return [each["requestId"] for each in taken]


def test_with_many_agents_each_is_held_longer() -> None:
    """All together they ask no more often; no one's other work waits for too long."""
    poll = HeldPoll(topics=frozenset(), is_short=False)

    assert [_LONGEST(poll, 1.0, held) for held in (1, 100, 250, 1000)] == [1.0, 1.0, 2.5, 5.0]
    # Where polls are not held, or for longer, that stays.
    assert [_LONGEST(poll, usual, 1000) for usual in (0.0, 20.0)] == [0.0, 20.0]
    assert _LONGEST(replace(poll, is_short=True), 1.0, 1000) < 1


@pytest.mark.parametrize("queue", [None, "gpu"])
def test_it_gets_work_that_comes_meanwhile(
    wire: Wire, agent: tuple[int, Mapping[str, str]], queue: str | None
) -> None:
    with polling(wire, agent[1], queue) as poll:
        assert not poll.done()
        made = submit(wire, queue)
        assert given(poll.result(_DEADLINE)) == [made]


def test_work_of_other_queues_is_not_for_it(
    wire: Wire, agent: tuple[int, Mapping[str, str]]
) -> None:
    with polling(wire, agent[1], "gpu") as poll:
        submit(wire, "another")
        made = submit(wire, "gpu")
        assert given(poll.result(_DEADLINE)) == [made]


def test_an_agent_at_work_is_answered_soon(
    wire: Wire, agent: tuple[int, Mapping[str, str]]
) -> None:
    """It sends gathered answers between two polls, and looks again at what waits for its code."""
    submit(wire, "busy")
    with polling(wire, agent[1], "busy") as poll:
        assert len(given(poll.result(_DEADLINE))) == 1
    with polling(wire, agent[1], "busy") as poll:
        assert given(poll.result(_DEADLINE)) == []


def test_an_agent_that_has_sent_no_heartbeat_is_answered_soon(wire: Wire) -> None:
    """It sends the first one when its first poll has ended."""
    headers = wire.token(TokenKind.AGENT, Grant())
    with polling(wire, headers, "new") as poll:
        assert given(poll.result(_DEADLINE)) == []


def test_a_token_that_is_revoked_meanwhile_gets_nothing(
    wire: Wire, agent: tuple[int, Mapping[str, str]]
) -> None:
    token, headers = agent
    with polling(wire, headers, "secret") as poll:
        wire.store.tokens.revoke(token)
        submit(wire, "secret")
        assert poll.result(_DEADLINE).status_code == 401


def test_nothing_is_given_to_an_agent_that_has_gone(
    wire: Wire, agent: tuple[int, Mapping[str, str]]
) -> None:
    """It would be lost until it is given out again."""
    listeners = wire.store.bell._listeners._by_mark

    async def hang_up() -> None:
        async with httpx.AsyncClient(base_url=wire.client.base_url, trust_env=False) as client:
            json = {"query": _POLL, "variables": {"queues": ["left"], "deployments": ["prod"]}}
            headers = {**wire.headers, **agent[1]}
            poll = asyncio.create_task(client.post("/graphql", headers=headers, json=json))
            await asyncio.to_thread(eventually, lambda: listeners, _DEADLINE, "the poll")
            poll.cancel()

    asyncio.run(hang_up())
    eventually(lambda: not listeners, _DEADLINE, "the end of the poll")
    made = submit(wire, "left")
    (request,) = [each for each in wire.control.requests.open(SYSTEM) if each.id == made]
    assert request.leased_by is None


def test_it_ends_by_itself(
    wire: Wire, agent: tuple[int, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_calls, "_longest", lambda *_: 0.2)
    began = time.monotonic()
    with polling(wire, agent[1], "idle") as poll:
        assert given(poll.result(_DEADLINE)) == []
    assert time.monotonic() - began >= 0.2
