"""A token that reports more agents than anybody has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagstead.control.actor import Actor
from dagstead.control.agents import AgentReport
from dagstead.errors import InvalidInputError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.storage

REPORT = AgentReport(
    agent_id="honest",
    deployment="prod",
    label="l",
    type="t",
    version="1",
    queues=frozenset({None}),
    branch_deployments=False,
    metadata={},
    run_worker_statuses=None,
    errors=(),
)


def holder(store: Store, name: str) -> Actor:
    return Actor.holding(store.tokens.create(name, TokenKind.AGENT, name, Grant()))


def test_the_newest_agents_of_a_token_are_kept(store: Store, clock: ManualClock) -> None:
    for name in ("prod", "staging"):
        store.deployments.create(name)
    agents = control_without_dagster(store).agents
    honest, flooding = holder(store, "honest"), holder(store, "flooding")
    agents.record(honest, [REPORT])

    for number in range(5):
        clock.advance(1)
        made_up = [replace(REPORT, agent_id=f"{number}-{other}") for other in range(200)]
        agents.record(flooding, made_up * 2)

    kept = {beat.agent_id for beat in store.agents.all(ORGANIZATION)}
    assert len(kept) == 101
    assert "honest" in kept
    assert kept - {"honest"} <= {f"4-{other}" for other in range(200)}


@pytest.mark.parametrize("agent_id", ["", "x" * 65])
def test_an_id_that_no_agent_has_is_refused(store: Store, agent_id: str) -> None:
    store.deployments.create("prod")
    agents = control_without_dagster(store).agents
    with pytest.raises(InvalidInputError, match="agent needs an id|65 characters"):
        agents.record(holder(store, "x"), [replace(REPORT, agent_id=agent_id)])


def test_what_an_agent_reports_of_its_errors_has_a_length(store: Store) -> None:
    store.deployments.create("prod")
    errors = ("x" * 100_000, *(f"{number}" for number in range(100)))
    control_without_dagster(store).agents.record(
        holder(store, "x"), [replace(REPORT, errors=errors)]
    )

    [beat] = store.agents.all(ORGANIZATION)
    assert beat.errors == tuple(f"{number}" for number in range(75, 100))


@pytest.mark.parametrize(
    "more",
    [
        {"metadata": {"a": "x" * 70_000}},
        {"run_worker_statuses": "x" * (4 << 20)},
        {"queues": frozenset(str(number) for number in range(1001))},
        {"queues": frozenset({"q" * 256})},
        *({name: "x" * 256} for name in ("label", "type", "version")),
    ],
)
def test_what_an_agent_says_of_itself_is_not_long(store: Store, more: dict[str, object]) -> None:
    """The pages of all deployments read the heartbeats of all agents."""
    store.deployments.create("prod")
    agents = control_without_dagster(store).agents
    with pytest.raises(InvalidInputError, match="at most"):
        agents.record(holder(store, "talkative"), [replace(REPORT, **more)])  # type: ignore[arg-type]
    assert store.agents.all(ORGANIZATION) == []
