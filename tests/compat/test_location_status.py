"""Every door says the same of a location, and it is true, whatever becomes of its agent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError
from tests.support.environments import AGENT_MINORS, agent_environment

pytestmark = pytest.mark.compat

QUEUE = "eu"
LOCATION = "ml"
JOB = "whispering"

#: The promise, for a machine that has nothing else to do, and as much again for one that has.
HEAL_SECONDS = 120.0

DOORS = """
query Doors($name: String!) {
  workspaceLocationEntryOrError(name: $name) { ... on WorkspaceLocationEntry { ...Entry } }
  workspaceOrError { ... on Workspace { locationEntries { ...Entry } } }
  locationStatusesOrError {
    ... on WorkspaceLocationStatusEntries { entries { name loadStatus versionKey } }
  }
  codeLocations(deploymentName: "prod") { locationName state }
}
fragment Entry on WorkspaceLocationEntry {
  name loadStatus versionKey displayMetadata { key value }
  locationOrLoadError { __typename }
}
"""
RELOAD = """
mutation Reload($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) { __typename }
}
"""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane, and what an agent of its deployment prod needs."""

    plane: ControlPlane
    deployment: DeploymentClient
    setup: AgentSetup
    minor: str
    #: While it exists, the code cannot be loaded.
    fault: Path

    def agent(self) -> OfficialAgent:
        return OfficialAgent(self.plane, agent_environment(self.minor), self.setup)

    def status(self) -> str:
        """What all doors say; fails when they do not say the same within seconds."""
        return eventually(self._agreed, 5, "the doors to agree", retry_on=(AssertionError,))

    def _agreed(self) -> str:
        seen = self.deployment.graphql(DOORS, name=LOCATION)
        entry = seen["workspaceLocationEntryOrError"]
        (outcome,) = seen["workspaceOrError"]["locationEntries"]
        (listed,) = seen["codeLocations"]
        (shown,) = seen["locationStatusesOrError"]["entries"]
        keys = ("name", "loadStatus", "versionKey")
        assert [entry[key] for key in keys] == [shown[key] for key in keys]
        assert [entry[key] for key in keys] == [outcome[key] for key in keys]
        assert entry["displayMetadata"] == outcome["displayMetadata"]
        said = {each["key"]: each["value"] for each in entry["displayMetadata"]}
        status: str = listed["state"]
        assert said["status"] == status
        loaded = (outcome["locationOrLoadError"] or {}).get("__typename")
        if status != "loading":
            assert loaded == ("RepositoryLocation" if status == "live" else "PythonError")
        return status

    def wait_for(self, status: str, seconds: float = HEAL_SECONDS) -> None:
        eventually(lambda: self.status().startswith(status), seconds, f"the status {status!r}")

    def refused(self) -> str:
        """Why a launch is refused, within seconds."""
        begun = time.monotonic()
        with pytest.raises(GraphQLRefusedError) as refusal:
            self.deployment.launch(LOCATION, JOB)
        assert time.monotonic() - begun < 30, "it must not wait for an agent that is not there"
        return str(refusal.value)


@pytest.fixture(params=AGENT_MINORS)
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    with ControlPlane(tmp_path) as plane:
        setup = AgentSetup(
            label="eu",
            token=plane.agent_token("eu", queues=[QUEUE]),
            deployments=["prod"],
            queues=[QUEUE],
            default_queue=False,
            variables={"FAULT_FILE": str(tmp_path / "fault")},
        )
        deployment = plane.deployment("prod")
        yield Ground(
            plane=plane,
            deployment=deployment,
            setup=setup,
            minor=request.param,
            fault=tmp_path / "fault",
        )
        deployment.close()


def test_the_doors_agree_and_everything_heals_by_itself(ground: Ground) -> None:
    agent = ground.agent()
    ground.deployment.deploy(LOCATION, "compat_small", queue=QUEUE)
    ground.wait_for("live")

    # The code breaks while its agent is away, and somebody presses Reload.
    ground.fault.touch()
    agent.kill()
    with ground.agent() as agent:
        ground.wait_for("in error")
        ground.deployment.graphql(RELOAD, name=LOCATION)
        ground.wait_for("in error, healing")
        assert "the warehouse is down" in ground.refused()
        ground.fault.unlink()
        ground.wait_for("live")
        ground.deployment.launch(LOCATION, JOB)

        # The code server is killed.
        for server in _code_servers(agent):
            server.kill()
        assert "cannot reach its code server" in ground.refused()
        assert ground.status().startswith("in error")
        ground.wait_for("live")
        ground.deployment.launch(LOCATION, JOB)

        # The agent is killed.
        agent.kill()
        ground.wait_for("nobody serves it since")
        assert "nobody serves it since" in ground.refused()
    with ground.agent() as agent:
        ground.wait_for("live")
        agent.kill()


def _code_servers(agent: OfficialAgent) -> list[psutil.Process]:
    children = psutil.Process(agent.pid).children(recursive=True)
    return [each for each in children if "grpc" in each.cmdline()]
