from __future__ import annotations

import dataclasses

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.agents import AgentStatus, Heartbeat
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.storage


def beat(store: Store, clock: ManualClock) -> Heartbeat:
    token = store.tokens.create("eu", TokenKind.AGENT, "secret", Grant())
    return heartbeat_of(
        *(None, "eu"),
        now=clock(),
        agent_id="0123",
        token_id=token.id,
        label="eu agent",
        type="ProcessUserCodeLauncher",
        errors=("oops",),
    )


def test_an_agent_is_one_row_for_all_its_deployments(store: Store, clock: ManualClock) -> None:
    for name in ("prod", "staging"):
        store.deployments.create(name)
    first = beat(store, clock)
    store.agents.record([first, dataclasses.replace(first, deployment="staging", errors=())])

    agents = control_without_dagster(store).agents
    (row,) = agents.all(COMMAND_LINE)
    assert row.deployments == ("prod", "staging")
    assert row.agent.queues == {None, "eu"}
    assert (row.label, row.token, row.errors) == ("eu agent", "eu", 1)
    assert row.status is AgentStatus.RUNNING

    clock.advance(91)
    assert agents.all(COMMAND_LINE)[0].status is AgentStatus.NOT_RUNNING
