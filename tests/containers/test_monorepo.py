"""The example of both kinds, by one command: PEX files for the pool, an image for Docker."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers.agent import AGENT, QUEUE, DockerAgent, configuration
from tests.support.containers.docker import Docker, Network
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import REPOSITORY, own_environment
from tests.support.git import commit_all
from tests.support.postgres import PostgresCluster

pytestmark = [pytest.mark.containers, pytest.mark.thorough]

#: The registry that the example names.
PLACEHOLDER = "registry.example.com/digits"
JOBS = {"weather": "climate_job", "digits": "training_job"}
AGENT_LABEL = "dagster/agent_label"
PARTITIONS = {"weather": "2012", "digits": "logistic_regression"}


@dataclass(frozen=True, kw_only=True)
class Monorepo:
    """A copy of the example, and where it is deployed."""

    folder: Path
    plane: ControlPlane
    prod: DeploymentClient
    docker: Docker
    token: str

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``dagstead deploy``, with the Docker client of these tests."""
        environment = own_environment()
        return subprocess.run(
            [environment.program("dagstead"), "deploy", "--format", "json", *arguments],
            cwd=self.folder,
            env=environment.variables(
                **{**self.docker.variables(), "DAGSTER_CLOUD_URL": self.plane.url},
                DAGSTER_CLOUD_API_TOKEN=self.token,
                DAGSTER_CLOUD_DEPLOYMENT="prod",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def run_both(self) -> dict[str, str]:
        """A run of each location; the labels of the agents that ran them."""
        runs = {
            name: self.prod.launch(name, job, tags={"dagster/partition": PARTITIONS[name]})
            for name, job in JOBS.items()
        }
        return {
            name: self.prod.succeed(run_id)["tags"][AGENT_LABEL] for name, run_id in runs.items()
        }


@pytest.fixture(scope="module")
def monorepo(
    docker: Docker,
    registry: Registry,
    network: Network,
    agent_image: str,
    postgres_cluster: PostgresCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Monorepo]:
    folder = tmp_path_factory.mktemp("monorepo")
    example = folder / "monorepo"
    shutil.copytree(REPOSITORY / "examples" / "monorepo", example)
    for file in example.rglob("dagster_cloud.yaml"):
        written = file.read_text(encoding="utf-8")
        file.write_text(written.replace(PLACEHOLDER, registry.repository("digits")))
    with ExitStack() as stack:
        database = stack.enter_context(postgres_cluster.database())
        plane = stack.enter_context(
            ControlPlane(folder, database=database, host=network.gateway, pool=True)
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        stack.enter_context(
            DockerAgent(
                docker,
                network,
                image=agent_image,
                file=configuration(folder, plane.url, network),
                token=plane.agent_token(AGENT, queues=[QUEUE]),
            )
        )
        made = Monorepo(
            folder=example,
            plane=plane,
            prod=prod,
            docker=docker,
            token=plane.user_token("a person"),
        )
        commit_all(made.folder)
        yield made


def states(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {each["location"]: each["state"] for each in json.loads(result.stdout)}


def test_one_command_deploys_both_and_each_runs_on_its_agent(monorepo: Monorepo) -> None:
    result = monorepo.deploy()

    assert result.returncode == 0, result.stderr
    assert states(result) == {"weather": "live", "digits": "live"}
    ran = monorepo.run_both()
    assert ran["digits"] == AGENT
    assert ran["weather"] != AGENT


def test_one_broken_location_fails_the_release_and_both_old_ones_run(monorepo: Monorepo) -> None:
    definitions = monorepo.folder / "weather" / "src" / "weather" / "definitions.py"
    written = definitions.read_text(encoding="utf-8")
    definitions.write_text(f"{written}\nraise RuntimeError('broken on purpose')\n")
    changed = monorepo.folder / "digits" / "src" / "digits" / "__init__.py"
    changed.write_text(f"{changed.read_text(encoding='utf-8')}\nVERSION = 2\n")
    commit_all(monorepo.folder)

    result = monorepo.deploy("--no-load")

    assert result.returncode == 1
    assert "RuntimeError: broken on purpose" in result.stderr
    assert states(result) == {"weather": "failed", "digits": "back"}
    assert monorepo.run_both()["digits"] == AGENT
