"""A small repository with both kinds of locations, as it is: a PEX file and an image."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.containers.agent import AGENT, DockerAgent, configuration
from tests.support.containers.docker import Docker, Network
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.demonstration import HYBRID, JOB, LOCATIONS, SERVERLESS, write_demonstration
from tests.support.demonstration_agents import QUEUE
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.containers


def place_of(prod: DeploymentClient, location: str) -> str:
    """What a run of a location prints about where it is."""
    run_id = prod.launch(location, JOB)
    prod.succeed(run_id)
    said = prod.captured(run_id)["stdout"].splitlines()
    (line,) = (each for each in said if each.startswith(f"{location} ran in "))
    return line


def test_one_command_deploys_it_and_each_location_runs_on_its_side(
    docker: Docker,
    registry: Registry,
    network: Network,
    agent_image: str,
    postgres_cluster: PostgresCluster,
    tmp_path: Path,
) -> None:
    repository = write_demonstration(
        tmp_path / "harbour", registry=registry.repository("harbour/orchards")
    )
    with ExitStack() as stack:
        database = stack.enter_context(postgres_cluster.database())
        plane = stack.enter_context(
            ControlPlane(tmp_path, database=database, host=network.gateway, pool=True)
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        stack.enter_context(
            DockerAgent(
                docker,
                network,
                image=agent_image,
                file=configuration(tmp_path, plane.url, network, QUEUE),
                token=plane.agent_token(AGENT, queues=[QUEUE]),
            )
        )

        environment = own_environment()
        deployed = subprocess.run(
            [environment.program("dagstead"), "deploy"],
            cwd=repository,
            env=environment.variables(
                **{**docker.variables(), "DAGSTER_CLOUD_URL": plane.url},
                DAGSTER_CLOUD_API_TOKEN=plane.user_token("a person"),
                DAGSTER_CLOUD_DEPLOYMENT="prod",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

        assert deployed.returncode == 0, deployed.stderr
        assert set(prod.locations()) == set(LOCATIONS)
        assert place_of(prod, HYBRID).startswith(f"{HYBRID} ran in a container")
        assert str(plane.data / "pool") in place_of(prod, SERVERLESS)
