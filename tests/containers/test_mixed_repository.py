"""A PEX file, a serverless image and a hybrid image in one repository, all deployed at once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dagstead.serverless.docker.relay import Relay
from tests.support.command_records import Recorder
from tests.support.containers.agent import AGENT, QUEUE, DockerAgent, configuration
from tests.support.containers.docker import Docker, Network
from tests.support.containers.pool import PACKAGES, pool_with_registry
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.git import commit_all
from tests.support.official_cli import OfficialCli
from tests.support.pex import borrowing_wheel
from tests.support.ports import free_port

pytestmark = pytest.mark.containers

PYTHON = "3.11"
PACKED, IMAGED, HEAVY = "packed", "imaged", "heavy"
POOL = "managed pool"
_CODE = """
import dagster as dg

VERSION = 1


@dg.op
def say(context):
    context.log.info(f"version {VERSION}")


@dg.job(executor_def=dg.in_process_executor)
def saying():
    say()


defs = dg.Definitions(jobs=[saying])
"""
_DOCKERFILE = "FROM {base}\nWORKDIR /code\nCOPY . .\n"


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """The repository, and where it is deployed."""

    folder: Path
    plane: ControlPlane
    prod: DeploymentClient
    docker: Docker
    registry: Registry
    cli: OfficialCli

    def dagstead(self, *arguments: str) -> str:
        """Our command, with the Docker client of these tests; what it prints."""
        environment = own_environment()
        ended = subprocess.run(
            [environment.program("dagstead"), *arguments],
            cwd=self.folder,
            env=environment.variables(
                **{**self.docker.variables(), "DAGSTER_CLOUD_URL": self.plane.url},
                DAGSTER_CLOUD_API_TOKEN=self.cli.token,
                DAGSTER_CLOUD_DEPLOYMENT="prod",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def set_version(self, number: int) -> None:
        """Change all code, and commit it."""
        for name in (PACKED, IMAGED, HEAVY):
            code = _CODE.replace("VERSION = 1", f"VERSION = {number}")
            (self.folder / name / f"{name}_code.py").write_text(code)
        commit_all(self.folder)

    def ran(self) -> dict[str, tuple[str, str]]:
        """Who ran a run of each location, and what it said."""
        runs = {name: self.prod.launch(name, "saying") for name in (PACKED, IMAGED, HEAVY)}
        found = {}
        for name, run_id in runs.items():
            run = self.prod.succeed(run_id)
            said = self.prod.messages(run_id)
            versions = [line for line in said.splitlines() if line.startswith("version")]
            found[name] = (run["tags"]["dagster/agent_label"], versions[-1])
        return found

    def image_of(self, location: str) -> str:
        return str(self.plane.store.locations.get("prod", location).document["image"])


def everywhere(version: str) -> dict[str, tuple[str, str]]:
    """Each on its side, at a version."""
    return {PACKED: (POOL, version), IMAGED: (POOL, version), HEAVY: (AGENT, version)}


def _write(folder: Path, base: str, registry: Registry) -> None:
    locations = [
        {
            "location_name": name,
            "code_source": {"module_name": f"{name}_code"},
            "build": {"directory": f"./{name}"},
        }
        for name in (PACKED, IMAGED, HEAVY)
    ]
    locations[2] |= {
        "agent_queue": QUEUE,
        "build": {"directory": "./heavy", "registry": registry.repository("heavy")},
    }
    (folder / "dagster_cloud.yaml").write_text(json.dumps({"locations": locations}))
    (folder / "pyproject.toml").write_text("[tool.dagstead]\nserverless-images = true\n")
    wheels = folder.parent / "wheels"
    wheels.mkdir()
    needs = [
        f"{name} @ {borrowing_wheel(wheels, name, PACKAGES).as_uri()}"
        for name in ("dagster", "dagster-cloud")
    ]
    for name in (PACKED, IMAGED, HEAVY):
        (folder / name).mkdir()
        if name != PACKED:
            (folder / name / "Dockerfile").write_text(_DOCKERFILE.format(base=base))
    (folder / PACKED / "setup.py").write_text(
        "from setuptools import setup\n"
        f'setup(name="packed", version="1", py_modules=["packed_code"], install_requires={needs})\n'
    )


@pytest.fixture(scope="module")
def mixed(
    docker: Docker,
    registry: Registry,
    network: Network,
    agent_image: str,
    command_recorder: Recorder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mixed]:
    folder = tmp_path_factory.mktemp("mixed")
    repository = folder / "repository"
    repository.mkdir()
    _write(repository, agent_image, registry)
    variables = pool_with_registry(f"http://{registry.address}", pool_base_image=agent_image)
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane(folder, pool=True, variables=variables))
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        # Docker trusts registries of the loopback only, and the agent's container has its own.
        own = urlsplit(plane.url)
        relay = Relay(
            host=network.gateway, port=free_port(), to_host="127.0.0.1", to_port=own.port or 0
        )
        relay.start()
        stack.enter_context(
            DockerAgent(
                docker,
                network,
                image=agent_image,
                file=configuration(folder, f"http://{relay.host}:{relay.port}", network),
                token=plane.agent_token(AGENT, queues=[QUEUE]),
            )
        )
        cli = OfficialCli(
            url=plane.url,
            token=plane.user_token("ci"),
            recorder=command_recorder,
            folder=repository,
            environment=own_environment(),
            more=docker.choice(),
        )
        yield Mixed(
            folder=repository,
            plane=plane,
            prod=prod,
            docker=docker,
            registry=registry,
            cli=cli,
        )


def test_one_command_deploys_all_three_and_rolls_them_back(mixed: Mixed) -> None:
    mixed.set_version(1)
    planned = json.loads(mixed.dagstead("plan", "--format", "json"))
    assert {each["location"]: each["strategy"] for each in planned} == {
        PACKED: "pex",
        IMAGED: "docker",
        HEAVY: "docker",
    }

    # What the PEX file borrows is in the base image, and not here.
    deployed = json.loads(mixed.dagstead("deploy", "--no-load", "--format", "json"))
    assert {each["state"] for each in deployed} == {"live"}
    assert mixed.ran() == everywhere("version 1")
    first = mixed.image_of(IMAGED)
    host = mixed.plane.url.removeprefix("http://")
    assert first.startswith(f"{host}/prod@sha256:")
    assert mixed.image_of(HEAVY).startswith(f"{mixed.registry.address}/heavy@sha256:")

    mixed.set_version(2)
    mixed.dagstead("deploy", "--no-load", "--changed")
    assert mixed.ran() == everywhere("version 2")
    assert mixed.image_of(IMAGED) != first

    mixed.dagstead("release", "rollback", "--yes")
    assert mixed.ran() == everywhere("version 1")
    assert mixed.image_of(IMAGED) == first


def test_the_official_commands_deploy_all_three(mixed: Mixed) -> None:
    mixed.set_version(3)
    image = f"{mixed.registry.repository('heavy')}:three"

    mixed.cli.run("dagster-cloud ci init", "--project-dir", ".")
    mixed.cli.run(
        "dagster-cloud ci build",
        *("--location-name", PACKED, "--build-strategy", "python-executable"),
        *("--pex-build-method", "local", "--python-version", PYTHON),
    )
    mixed.cli.run(
        "dagster-cloud ci build",
        *("--location-name", IMAGED, "--build-strategy", "docker"),
        *("--dockerfile-path", f"{IMAGED}/Dockerfile"),
    )
    mixed.docker.build(image, mixed.folder / HEAVY)
    mixed.docker.run("push", image)
    mixed.cli.run(
        "dagster-cloud ci set-build-output", "--location-name", HEAVY, "--image-tag", "three"
    )
    mixed.cli.run("dagster-cloud ci deploy")

    assert mixed.ran() == everywhere("version 3")
    mixed.dagstead("release", "rollback", "--yes")
    assert mixed.ran()[IMAGED] == (POOL, "version 1")
