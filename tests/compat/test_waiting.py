"""Why something waits, with an official agent: read in the command, the operation and the run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.organization import ORGANIZATION
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent, ShortLivedAgent
from tests.support.command_records import Recorder
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.official_cli import OfficialCli
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

DEPLOYMENT = "prod"
LOCATION = "shop"
QUEUE = "gpu"
_EVENT_SECONDS = 90
_WHY = """
query Why($name: String!) {
  why(name: $name) { kind id queue reason { code says command chain { code says } } }
}
"""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane whose only agent is gone; it had loaded the location shop."""

    plane: ControlPlane
    deployment: DeploymentClient
    setup: AgentSetup
    token: str
    #: A run that was launched while everything was paused, before the agent went.
    run: str

    def why(self, name: str) -> dict[str, Any]:
        """What the command says, which is what the operation says."""
        said = eventually(
            lambda: self._agreed(name), _EVENT_SECONDS, f"command and operation to agree on {name}"
        )
        assert said is not None
        return said

    def _agreed(self, name: str) -> dict[str, Any] | None:
        """Nothing, if the reason has changed between the two."""
        environment = own_environment()
        variables = environment.variables(
            DAGSTER_CLOUD_URL=self.plane.url, DAGSTER_CLOUD_API_TOKEN=self.token
        )
        program = [str(environment.program("python")), "-P", "-m", "dagstead"]
        said = subprocess.run(
            [*program, "why", name, "--deployment", DEPLOYMENT, "--format", "json"],
            capture_output=True,
            text=True,
            check=True,
            env=variables,
        )
        by_command: dict[str, Any] = json.loads(said.stdout)
        by_operation = self.deployment.graphql(_WHY, name=name)["why"]
        reason = by_operation["reason"]
        is_same = (reason["code"], reason["says"]) == (by_command["code"], by_command["says"])
        return by_command if is_same else None

    def waits(self, run_id: str, code: str, *parts: str) -> None:
        """The run waits for that, and its log says so."""
        said = eventually(
            lambda: found if (found := self.why(run_id))["code"] == code else None,
            _EVENT_SECONDS,
            f"run {run_id} to wait for {code}",
        )
        for part in parts:
            assert part in json.dumps(said), said

        def is_logged() -> bool:
            return all(part in self.deployment.messages(run_id) for part in parts)

        eventually(is_logged, _EVENT_SECONDS, f"an event that says {parts}")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ControlPlane(tmp_path_factory.mktemp("waiting")) as plane:
        deployment = plane.deployment(DEPLOYMENT)
        setup = AgentSetup(
            label="worker-1",
            token=plane.agent_token("worker"),
            deployments=[DEPLOYMENT],
            queues=[QUEUE],
            default_queue=False,
        )
        agent = OfficialAgent(plane, own_environment(), setup)
        with agent:
            deployment.deploy(LOCATION, "compat_definitions", queue=QUEUE)
            deployment.wait_until_loaded(LOCATION)
            deployment.deploy("broken", "compat_broken", queue=QUEUE)
            eventually(
                lambda: deployment.location("broken").error is not None, 120, "the load error"
            )
            control_without_dagster(plane.store).pauses.begin(COMMAND_LINE)
            made = Ground(
                plane=plane,
                deployment=deployment,
                setup=setup,
                token=plane.user_token("ada"),
                run=deployment.launch(LOCATION, "letters", tags={"dagster/partition": "a"}),
            )
            _read_load_error(made)
            agent.kill()
        plane.let_agents_be_long_gone("worker")
        yield made
        deployment.close()


def _read_load_error(ground: Ground) -> None:
    said = ground.why("broken")
    assert said["code"] == "LOAD_ERROR", said
    assert "the code location is broken on purpose" in said["says"]


def test_a_pause_of_everything(ground: Ground) -> None:
    ground.waits(ground.run, "ORGANIZATION_PAUSED", "No run starts in any deployment since 20")
    control_without_dagster(ground.plane.store).pauses.end(COMMAND_LINE)


def test_agents_that_are_down(ground: Ground) -> None:
    sentence = "would serve queue 'gpu' and has not been heard of since"
    ground.waits(ground.run, "AGENTS_DOWN", sentence)


def test_a_launch_by_the_official_command_line_says_it(ground: Ground) -> None:
    command_line = OfficialCli(
        url=ground.plane.url,
        token=ground.token,
        recorder=Recorder(),
        folder=ground.plane.folder,
        environment=own_environment(),
    )
    said = command_line.run(
        "dagster-cloud job launch",
        *("--location", LOCATION, "--job", "plain_assets", "--asset-key", "source"),
        fails=True,
    )
    assert "nobody serves it since" in said.text
    assert "queue 'gpu'" in said.text


def test_popped_and_not_answered(ground: Ground) -> None:
    stub = ShortLivedAgent(url=ground.plane.url, setup=ground.setup)
    assert eventually(stub.take_launch, 60, "the launch") == ground.run
    said = ground.why(ground.run)
    # Its heartbeat is old.
    assert said["code"] in {"POPPED_NOT_ANSWERED", "AGENT_LOST"}, said
    assert "was taken by" in said["says"]
    assert "(token 'worker') at 20" in said["says"]


def test_an_unserved_queue(ground: Ground) -> None:
    control = control_without_dagster(ground.plane.store)
    for agent_id in {beat.agent_id for beat in ground.plane.store.agents.all(ORGANIZATION)}:
        control.agents.forget_gone(COMMAND_LINE, agent_id)
    # What the agent took is given back, as it has not begun it.
    sentence = "No agent is running that could serve queue 'gpu'."
    ground.waits(ground.run, "UNSERVED_QUEUE", sentence)


def test_an_agent_with_a_user_token_reads_it_in_its_log(ground: Ground) -> None:
    setup = AgentSetup(label="wrong", token=ground.token, deployments=[DEPLOYMENT])
    with OfficialAgent(ground.plane, own_environment(), setup) as agent:
        agent.wait_for_log("is a user token, and an agent calls with it", 90)
        agent.kill()
    callers = control_without_dagster(ground.plane.store).callers

    def is_listed() -> bool:
        return any("'ada'" in each.name for each in callers.refused(COMMAND_LINE))

    assert eventually(is_listed, 30, "the caller on the list")
