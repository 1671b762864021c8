"""Every door says the same of a location, and it is true, whatever becomes of its agent.

Agents of three minors and the managed pool go through everything side by side.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from dagstead.serverless.agent_home import AGENT_LABEL
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent, code_servers
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError
from tests.support.environments import (
    AGENT_MINORS,
    Environment,
    agent_environment,
    own_environment,
)
from tests.support.processes import ChildProcess

pytestmark = pytest.mark.compat

QUEUE, POOL = "eu", "pool"
LOCATION, JOB, MODULE = "ml", "whispering", "compat_small"
_SERVED_BY = [
    pytest.param([AGENT_MINORS[-1], POOL], id="newest"),
    pytest.param(AGENT_MINORS[:-1], id="older", marks=pytest.mark.thorough),
]

#: The promise, for a machine that has nothing else to do, and as much again for one that has.
HEAL_SECONDS = 120.0

#: An agent takes 20 seconds to notice that a process is frozen, and 50 if it was connected to it.
REFUSE_SECONDS = 75.0

DOORS = """
query Doors($name: String!, $deployment: String!) {
  workspaceLocationEntryOrError(name: $name) { ... on WorkspaceLocationEntry { ...Entry } }
  workspaceOrError { ... on Workspace { locationEntries { ...Entry } } }
  locationStatusesOrError {
    ... on WorkspaceLocationStatusEntries { entries { name loadStatus versionKey } }
  }
  codeLocations(deploymentName: $deployment) { locationName state }
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
AGENTS = "query Agents { agents { agentLabel status } }"


@dataclass(kw_only=True)
class Ground:
    """A deployment of one location, and who serves it."""

    deployment: DeploymentClient
    token: str
    #: Whose ``dagster-cloud`` is used.
    environment: Environment
    queue: str | None
    #: While it exists, the code cannot be loaded; with the text "hang", loading it does not end.
    fault: Path
    start: Callable[[], ChildProcess]
    agent: ChildProcess = field(init=False)

    @property
    def is_pool(self) -> bool:
        """Whether it is served by the managed pool, which heals its code servers itself."""
        return self.queue is None

    def end(self) -> None:
        self.agent.kill()

    def deploy(self, module: str = MODULE) -> None:
        self.deployment.deploy(LOCATION, module, queue=self.queue)

    def status(self) -> str:
        """What all doors say; fails when they do not say the same within seconds."""
        return eventually(self._agreed, 5, "the doors to agree", retry_on=(AssertionError,))

    def _agreed(self) -> str:
        seen = self.deployment.graphql(DOORS, name=LOCATION, deployment=self.deployment.name)
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
        what = f"the status {status!r} in {self.deployment.name}"
        eventually(lambda: self.status().startswith(status), seconds, what)

    def launch(self, config: Mapping[str, Any] | None = None) -> str:
        return self.deployment.launch(LOCATION, JOB, config=config)

    def refused(self) -> str:
        """Why a launch is refused, within seconds, whose plan nobody has asked for before."""
        begun = time.monotonic()
        another = {"loggers": {"console": {"config": {"name": uuid4().hex}}}}
        with pytest.raises(GraphQLRefusedError) as refusal:
            self.launch(another)
        assert time.monotonic() - begun < REFUSE_SECONDS, "it must not wait for what is not there"
        return str(refusal.value)

    def refused_by_command(self) -> str:
        """Why the official command cannot launch it, within seconds."""
        ended = subprocess.run(
            [
                self.environment.program("dagster-cloud"),
                *("job", "launch", "--location", LOCATION, "--job", JOB),
            ],
            env=self.environment.variables(
                DAGSTER_CLOUD_URL=self.deployment.url,
                DAGSTER_CLOUD_DEPLOYMENT=self.deployment.name,
                DAGSTER_CLOUD_ORGANIZATION="dagstead",
                DAGSTER_CLOUD_API_TOKEN=self.token,
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=REFUSE_SECONDS,
            check=False,
        )
        assert ended.returncode != 0, ended.stdout
        return " ".join(ended.stdout.split())

    def agents(self) -> list[str]:
        """The status of every agent of it that is listed."""
        found = self.deployment.graphql(AGENTS)["agents"]
        own = AGENT_LABEL if self.is_pool else self.deployment.name
        return [each["status"] for each in found if each["agentLabel"] == own]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("statuses")


@pytest.fixture(scope="module")
def plane(folder: Path) -> Iterator[ControlPlane]:
    with ControlPlane(folder) as plane:
        yield plane


@pytest.fixture(scope="module", params=_SERVED_BY)
def grounds(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[list[Ground]]:
    """One for each of them, all live."""
    with ExitStack() as stack:
        made = [on_pool(plane) if by == POOL else on_agent(plane, by) for by in request.param]
        for ground in made:
            ground.agent = ground.start()
            stack.callback(ground.deployment.close)
            stack.callback(ground.end)
            ground.deploy()
        together(made, lambda ground: ground.wait_for("live"))
        yield made


def on_pool(plane: ControlPlane) -> Ground:
    deployment = plane.deployment(POOL)
    plane.set_secret("FAULT_FILE", str(plane.folder / POOL), POOL, LOCATION)
    return Ground(
        deployment=deployment,
        token=plane.user_token(POOL),
        environment=own_environment(),
        queue=None,
        fault=plane.folder / POOL,
        start=plane.start_pool,
    )


def on_agent(plane: ControlPlane, minor: str) -> Ground:
    name = f"on-{minor.replace('.', '-')}"
    deployment = plane.deployment(name)
    setup = AgentSetup(
        label=name,
        token=plane.agent_token(name, deployments=[name], queues=[QUEUE]),
        deployments=[name],
        queues=[QUEUE],
        default_queue=False,
        variables={"FAULT_FILE": str(plane.folder / name)},
    )
    environment = agent_environment(minor)
    return Ground(
        deployment=deployment,
        token=plane.user_token(name),
        environment=environment,
        queue=QUEUE,
        fault=plane.folder / name,
        start=lambda: OfficialAgent(plane, environment, setup),
    )


def together(grounds: Sequence[Ground], step: Callable[[Ground], None]) -> None:
    """Do the same everywhere at one time."""
    with ThreadPoolExecutor(len(grounds)) as threads:
        for done in [threads.submit(step, ground) for ground in grounds]:
            done.result()


@pytest.mark.thorough
def test_code_that_broke_while_its_agent_was_away_heals_though_somebody_reloads(
    grounds: list[Ground],
) -> None:
    def step(ground: Ground) -> None:
        ground.fault.touch()
        ground.agent.kill()
        ground.agent = ground.start()
        ground.wait_for("in error")
        ground.deployment.graphql(RELOAD, name=LOCATION)
        ground.wait_for("in error, healing")
        assert "the warehouse is down" in ground.refused()
        assert "the warehouse is down" in ground.refused_by_command()
        ground.fault.unlink()
        ground.wait_for("live")
        ground.launch()

    together(grounds, step)


def test_a_failed_release_leaves_what_serves_usable(grounds: list[Ground]) -> None:
    def step(ground: Ground) -> None:
        ground.deploy("compat_broken")
        ground.wait_for("in error, serving release ")
        ground.launch()
        ground.deploy()
        ground.wait_for("live")

    together(grounds, step)


def test_a_code_server_that_is_killed_is_replaced(grounds: list[Ground]) -> None:
    def step(ground: Ground) -> None:
        for server in code_servers(ground.agent):
            server.kill()
        if not ground.is_pool:
            assert "cannot reach its code server" in ground.refused()
            assert ground.status().startswith("in error")
        ground.wait_for("live")
        eventually(ground.launch, 60, "a launch", retry_on=(AssertionError,))

    together(grounds, step)


def test_a_code_server_that_is_frozen_is_noticed_and_replaced(grounds: list[Ground]) -> None:
    """The kernel goes on to take connections for it, until its agent has ended it."""

    def step(ground: Ground) -> None:
        frozen = code_servers(ground.agent)
        for server in frozen:
            server.suspend()
        try:
            assert "cannot reach its code server" in ground.refused()
            assert ground.status().startswith("in error")
            ground.wait_for("live")
            ground.launch()
        finally:
            for server in filter(psutil.Process.is_running, frozen):
                server.kill()

    together(grounds, step)


def test_nobody_serves_it_while_its_agent_is_dead(grounds: list[Ground]) -> None:
    def step(ground: Ground) -> None:
        ground.agent.kill()
        ground.wait_for("nobody serves it since", 30)
        assert ground.agents() == ["NOT_RUNNING"]
        assert "nobody serves it since" in ground.refused()
        assert "nobody serves it since" in ground.refused_by_command()
        ground.agent = ground.start()
        ground.wait_for("live")
        eventually(lambda: "RUNNING" in ground.agents(), 60, "its first heartbeat")
        ground.launch()

    together(grounds, step)


def test_an_agent_that_ended_in_order_is_gone_and_one_that_loads_is_loading(
    grounds: list[Ground],
) -> None:
    def step(ground: Ground) -> None:
        ground.fault.write_text("hang", encoding="utf-8")
        ground.agent.signal(signal.SIGTERM)
        ground.agent.wait(60)
        ground.wait_for("nobody serves it since", 30)
        assert ground.agents() == ["NOT_RUNNING"]
        ground.agent = ground.start()
        ground.wait_for("loading")
        ground.fault.unlink()
        ground.wait_for("live")
        ground.launch()

    together(grounds, step)


Twins = tuple[Ground, list[OfficialAgent]]


@pytest.fixture
def twins(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Twins]:
    """A location that two agents serve, with one token, or with a token for each of them."""
    name = f"twins-{request.node.callspec.id}"
    environment = agent_environment(AGENT_MINORS[-1])
    ground = Ground(
        deployment=plane.deployment(name),
        token=plane.user_token(name),
        environment=environment,
        queue=QUEUE,
        fault=plane.folder / name,
        start=lambda: OfficialAgent(plane, environment, setups[0]),
    )
    setups = [
        AgentSetup(
            label=f"{name}-{number}",
            token=token,
            deployments=[name],
            queues=[QUEUE],
            default_queue=False,
        )
        for number, token in enumerate(_tokens(plane, name, request.param))
    ]
    ground.deploy()
    agents = [OfficialAgent(plane, environment, setup) for setup in setups]
    try:
        ground.wait_for("live")
        # They send heartbeats when their code servers are there; the managed pool does always.
        labels = {setup.label for setup in setups}
        eventually(lambda: labels <= {a.label for a in plane.store.agents.of(name)}, 90, "both")
        yield ground, agents
    finally:
        for agent in agents:
            agent.kill()
        ground.deployment.close()


def _tokens(plane: ControlPlane, name: str, number: int) -> list[str]:
    issued = [
        plane.agent_token(f"{name}-{count}", deployments=[name], queues=[QUEUE])
        for count in range(number)
    ]
    return [issued[0], issued[-1]]


@pytest.mark.parametrize("twins", [pytest.param(2, id="own")], indirect=True)
def test_of_two_agents_the_one_with_a_code_server_is_asked(twins: Twins) -> None:
    ground, (first, _) = twins
    for server in code_servers(first):
        server.kill()
    for _ in range(6):
        ground.launch()
    assert ground.status() == "live"


@pytest.mark.thorough
@pytest.mark.parametrize("twins", [pytest.param(1, id="one")], indirect=True)
def test_two_agents_with_one_token_serve_until_both_are_dead(twins: Twins) -> None:
    ground, (first, second) = twins
    first.kill()
    for _ in range(4):
        ground.launch()
    assert ground.status() == "live"
    second.kill()
    ground.wait_for("nobody serves it since", 30)
    assert "nobody serves it since" in ground.refused()
    with ground.start() as again:
        ground.wait_for("live")
        again.kill()
