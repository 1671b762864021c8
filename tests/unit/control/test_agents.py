from __future__ import annotations

import dataclasses

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.agents import AgentStatus, Heartbeat
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster


def beat(store: Store, clock: ManualClock) -> Heartbeat:
    token = store.tokens.create("eu", TokenKind.AGENT, "secret", Grant())
    return Heartbeat(
        agent_id="0123",
        deployment="prod",
        token_id=token.id,
        received_at=clock(),
        first_received_at=clock(),
        label="eu agent",
        type="ProcessUserCodeLauncher",
        version="1.13.27",
        queues=frozenset({None, "eu"}),
        branch_deployments=False,
        metadata={},
        run_worker_statuses=None,
        errors=("oops",),
    )


@pytest.mark.storage
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
