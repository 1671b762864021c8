"""Agents that are started when their queue has something to do, and stopped when it has nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.orchestration import control_without_dagster
from tests.support.scaler import StandInScaler

pytestmark = pytest.mark.compat

_QUEUE = "gpu"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path) as plane:
        yield plane


@pytest.mark.thorough
def test_agents_go_from_zero_to_one_and_back(plane: ControlPlane) -> None:
    deployment = plane.deployment("prod")
    # Whoever launches a run waits for an agent that is being started.
    deployment._http.timeout = 120
    setup = AgentSetup(
        label="on-demand",
        token=plane.agent_token("on-demand", queues=[_QUEUE]),
        deployments=["prod"],
        queues=[_QUEUE],
        default_queue=False,
    )
    tokens = control_without_dagster(plane.store).tokens
    reader = tokens.issue(
        COMMAND_LINE, "scaler", TokenKind.METRICS, Grant(queues=[_QUEUE]), "dagstead"
    )
    environment = agent_environment(AGENT_MINORS[-1])
    with StandInScaler(
        url=plane.url,
        token=reader.secret,
        queue=_QUEUE,
        start=lambda: OfficialAgent(plane, environment, setup),
    ) as scaler:
        eventually(lambda: scaler.seen.get("work") == 0, 30, "the first signal")
        assert scaler.replicas == [0]

        # A deploy waits for an agent, and the signal says so.
        deployment.deploy("shop", "compat_definitions", queue=_QUEUE)
        deployment.wait_until_loaded("shop")
        eventually(lambda: scaler.replicas == [0, 1, 0], 120, "the agent's end")
        eventually(lambda: scaler.seen.get("agents") == 0, 120, "nobody to serve the queue")
        assert scaler.seen["work"] == 0

        # So does somebody who launches a run, whose code no agent serves now.
        run_id = deployment.launch("shop", "greeting", config=_greet("gpu"))
        eventually(lambda: scaler.seen.get("running"), 60, "a run that is with an agent")
        assert scaler.replicas == [0, 1, 0, 1]
        deployment.succeed(run_id)
        eventually(lambda: scaler.replicas == [0, 1, 0, 1, 0], 120, "the agent's end")

        assert scaler.faults == []
    deployment.close()


def _greet(name: str) -> dict[str, object]:
    return {"ops": {"greet": {"config": {"name": name}}}}
