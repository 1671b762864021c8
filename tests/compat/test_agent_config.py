"""The official agent starts from the configuration that ``dagstead agent config`` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.model.agents import AgentType
from dagstead.repository.agents.agent_config import TOKEN_VARIABLE, AgentFile, text
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.command_records import Recorder, Seen
from tests.support.control_plane import ControlPlane
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat


def test_an_official_agent_serves_exactly_the_queues_of_its_file(
    tmp_path: Path, command_recorder: Recorder
) -> None:
    with ControlPlane(tmp_path) as plane:
        deployment = plane.deployment("prod")
        token = plane.agent_token("configured")
        file = AgentFile(
            type=AgentType.LOCAL,
            url=plane.url,
            queues=("hybrid-queue",),
            default_queue=False,
            label="configured",
        )
        setup = AgentSetup(
            label="configured",
            token=token,
            deployments=["prod"],
            variables={TOKEN_VARIABLE: token},
        )
        environment = agent_environment(AGENT_MINORS[-1])
        with OfficialAgent(plane, environment, setup, file=text(file)) as agent:
            deployment.deploy("small", "compat_small", queue="hybrid-queue")
            deployment.wait_until_loaded("small")
            agents = control_without_dagster(plane.store).agents
            (row,) = eventually(lambda: agents.all(COMMAND_LINE), 60, "a heartbeat")
            command_recorder.saw(Seen(command="dagster-cloud agent run", exit_code=None))
            agent.kill()
        deployment.close()

    assert (row.label, row.agent.queues) == ("configured", {"hybrid-queue"})
