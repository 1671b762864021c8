"""``dagstead routes --live``: our client against our field, without HTTP between them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from dagstead.client.agents import LiveAgents, live_agents
from dagstead.client.connection import Connection, ServerAddress
from dagstead.errors import RefusedError, UnreachableError
from dagstead.model.agents import AgentKind
from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat
from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.heartbeats import heartbeat_of, of_pool
from tests.unit.operator_api.surface import Operator

TARGET = ServerAddress(url="http://plane.test", token="user:acme:secret")


def asked(operator: Operator) -> LiveAgents:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, json={"data": operator.run(json.loads(request.content)["query"])}
        )

    with Connection(TARGET, transport=httpx.MockTransport(answer)) as connection:
        return live_agents(connection)


def beat(operator: Operator, **changes: Any) -> Heartbeat:
    allowed = {
        "allowed_full_deployment_locations": {"prod": ["digits"]},
        "allowed_branch_deployment_locations": [],
    }
    now = operator.context.store.clock()
    return heartbeat_of("gpu", None, now=now, **{"metadata": allowed, **changes})


def test_an_agent_is_one_with_all_its_deployments(operator: Operator) -> None:
    store = operator.context.store
    store.deployments.create("staging")
    branch = store.deployments.create_or_update_branch(
        Branch(repo_name="o/r", branch_name="b"), "prod"
    )
    beats = [beat(operator, deployment=name) for name in ("prod", "staging", branch.name)]
    store.agents.record(beats)

    (agent,) = asked(operator).running

    assert (agent.name, agent.kind) == ("eu", AgentKind.HYBRID)
    assert (agent.queues, agent.deployments) == ({"gpu", None}, {"prod", "staging"})
    assert agent.branch_deployments
    assert agent.allowed_full == {"prod": {"digits"}}
    assert agent.allowed_branch is None


def test_the_pool_and_silent_agents_are_told_apart(operator: Operator) -> None:
    store = operator.context.store
    now = store.clock()
    store.agents.record(
        [
            of_pool(store, beat(operator, queues=frozenset({None}), metadata={})),
            beat(operator, agent_id="a-2", label=None, received_at=now - ALIVE_SECONDS),
        ]
    )

    told = asked(operator)

    assert [(each.kind, each.allowed_full) for each in told.running] == [(AgentKind.POOL, None)]
    assert [each.name for each in told.silent] == ["a-2"]


def test_a_limited_token_sees_agents_of_its_deployments_alone(operator: Operator) -> None:
    store = operator.context.store
    store.deployments.create("staging")
    grant = Grant(deployments=["staging"], branch_deployments=False)
    token = store.tokens.create("limited", TokenKind.USER, "other", grant)
    store.agents.record(
        [
            beat(operator),
            beat(operator, agent_id="a-2", label="both"),
            beat(operator, agent_id="a-2", label="both", deployment="staging"),
        ]
    )

    (agent,) = asked(operator.on("staging").by(token)).running

    assert (agent.name, agent.deployments) == ("both", {"staging"})


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (
            {"errors": [{"message": "Cannot query field 'servingAgents' on type 'Query'."}]},
            RefusedError,
            "it is not a Dagstead server, or an older one",
        ),
        ({"errors": [{"message": "Busy."}]}, RefusedError, "Busy."),
        ({"data": {"servingAgents": [{"name": "eu"}]}}, UnreachableError, "in a form"),
        ({"data": {"servingAgents": None}}, UnreachableError, "in a form"),
    ],
)
def test_another_answer_is_told(body: object, kind: type[Exception], says: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    with Connection(TARGET, transport=transport) as connection, pytest.raises(kind, match=says):
        live_agents(connection)
