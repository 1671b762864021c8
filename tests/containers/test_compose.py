"""``compose.yaml``: a whole installation on one host, with an agent in Docker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dagstead.serverless.docker import labels
from dagstead.testing.waiting import eventually
from tests.support.containers.compose import Compose
from tests.support.containers.docker import Docker
from tests.support.containers.pool_site import code
from tests.support.containers.postgres_image import postgres_image
from tests.support.containers.registry_image import registry_image
from tests.support.deployment import DeploymentClient
from tests.support.ports import free_port

pytestmark = pytest.mark.containers

QUEUE = "hybrid-queue"
SERVICES = ("postgres", "registry", "web", "daemon", "pool", "branch-pool", "agent")
PROFILES = ("--profile", "pools", "--profile", "docker-pools", "--profile", "agent")


@pytest.fixture(scope="module")
def compose(
    docker: Docker,
    dagstead_image: str,
    agent_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Compose]:
    """Everything started by the script that users start it with."""
    settings = {
        "POSTGRES_IMAGE": postgres_image(docker, tmp_path_factory.mktemp("postgres")),
        "REGISTRY_IMAGE": registry_image(docker, tmp_path_factory.mktemp("registry")),
        "DAGSTEAD_IMAGE": dagstead_image,
        "AGENT_IMAGE": agent_image,
        "DAGSTEAD_PORT": str(free_port()),
    }
    compose = Compose.copy(docker, tmp_path_factory.mktemp("compose"), settings)
    try:
        assert "deploy/compose/start" in compose.refused("up")
        compose.start()
        yield compose
    except BaseException as error:
        error.add_note(compose("logs", "--tail=40"))
        raise
    finally:
        compose(*PROFILES, "down", "--volumes", "--timeout=60")


def test_everything_is_healthy_and_listens_on_this_machine_only(
    compose: Compose, docker: Docker
) -> None:
    def state(service: str) -> dict[str, Any]:
        container = docker.inspect("container", compose(*PROFILES, "ps", "-q", service))
        state: dict[str, Any] = container["State"]
        return state

    def is_healthy(service: str) -> bool:
        return bool(state(service)["Health"]["Status"] == "healthy")

    for service in SERVICES:
        assert state(service)["Running"], service
    for service in ("postgres", "web", "agent"):
        eventually(
            partial(is_healthy, service),
            90,
            f"{service} to be healthy",
        )
    assert compose("port", "web", "3000").startswith("127.0.0.1:")


def test_the_pool_and_the_agent_share_the_queues(compose: Compose) -> None:
    def served() -> dict[str, list[str]]:
        rows = json.loads(compose.dagstead("agent", "list", "--format", "json"))
        return {row["agent"]: row["queues"] for row in rows if row["status"] == "RUNNING"}

    expected = {"managed pool": ["(default queue)"], "docker agent": [QUEUE]}
    eventually(lambda: served() == expected, 90, "both agents")


def test_a_hybrid_location_loads_and_runs(compose: Compose, location_image: str) -> None:
    url = f"http://{compose('port', 'web', '3000')}"
    token = compose.dagstead("token", "create", "--name", "a person").splitlines()[0]

    with closing(DeploymentClient(url, "prod", token)) as prod:
        prod.deploy("hybrid", "compat_small", queue=QUEUE, image=location_image)
        prod.wait_until_loaded("hybrid")
        run = prod.succeed(prod.launch("hybrid", "whispering"))
        output = prod.captured(run["runId"])

    assert run["tags"]["dagster/agent_label"] == "docker agent"
    assert "whispered on" in output["stdout"]


def test_an_image_is_pushed_through_the_address_of_the_web_server(
    compose: Compose, docker: Docker, agent_image: str
) -> None:
    host = compose("port", "web", "3000")
    token = compose.dagstead("token", "create", "--name", "pusher").splitlines()[0]
    docker.run("login", "--username", "me", "--password", token, host)

    docker.run("tag", agent_image, f"{host}/prod:by-hand")
    docker.run("push", f"{host}/prod:by-hand", seconds=300)

    folder = "/var/lib/registry/docker/registry/v2/repositories"
    assert compose("exec", "-T", "registry", "ls", folder).split() == ["prod"]


def test_a_backup_is_taken_where_the_web_server_runs(compose: Compose) -> None:
    save = "dagstead backup /tmp/backup >&2 && ls /tmp/backup && rm -r /tmp/backup"

    saved = compose("exec", "-T", "web", "sh", "-c", save)

    assert saved.split() == ["data", "manifest.json", "postgres.dump"]


def test_starting_again_changes_nothing(compose: Compose) -> None:
    before = (compose.folder / ".env").read_text(encoding="utf-8")

    compose.start()

    assert (compose.folder / ".env").read_text(encoding="utf-8") == before
    assert (compose.folder / ".env").stat().st_mode & 0o077 == 0
    assert len(compose.dagstead("deployment", "list").splitlines()) == 2


@pytest.mark.usefixtures("compose")
def test_user_code_does_not_reach_the_database(docker: Docker) -> None:
    network = docker.inspect("network", "dagstead")["Containers"].values()

    assert not [each for each in network if "postgres" in each["Name"]]


def test_the_images_are_small_and_run_as_nobody_special(
    docker: Docker, dagstead_image: str, agent_image: str
) -> None:
    base = docker.inspect("image", "python:3.11-slim")["Size"]
    for name, most_megabytes in ((dagstead_image, 500), (agent_image, 250)):
        image = docker.inspect("image", name)
        assert image["Config"]["User"] not in {"", "root", "0"}
        assert image["Config"]["Healthcheck"]
        assert (image["Size"] - base) / 1e6 < most_megabytes


def test_the_pools_reach_the_web_server_and_nothing_else(compose: Compose, docker: Docker) -> None:
    for service in ("pool", "branch-pool"):
        container = docker.inspect("container", compose(*PROFILES, "ps", "-q", service))

        (network,) = container["NetworkSettings"]["Networks"]
        inside = docker.inspect("network", network)["Containers"]
        assert set(inside) == {compose(*PROFILES, "ps", "-q", each) for each in (service, "web")}
        assert not [each for each in container["Config"]["Env"] if "POSTGRES" in each.upper()]


def test_the_pools_have_walls_in_their_containers(compose: Compose) -> None:
    """The weakest are those of the kernel, for which a container needs no rights."""
    for service in ("pool", "branch-pool"):
        logs = partial(compose, "logs", service)
        eventually(
            lambda: "Walls around user code, level 3" in logs(),  # noqa: B023
            60,
            "what the pool has found out",
        )


def test_pools_that_run_containers_take_the_place_of_the_others(
    compose: Compose, docker: Docker, agent_image: str, tmp_path: Path
) -> None:
    """Last of these: the others look at the pools before."""
    with (compose.folder / ".env").open("a", encoding="utf-8") as file:
        file.write("DAGSTEAD_POOL_BACKEND=docker\n")
    compose.start()
    assert compose(*PROFILES, "ps", "-q", "pool", "branch-pool") == ""
    host = compose("port", "web", "3000")
    token = compose.dagstead("token", "create", "--name", "deployer").splitlines()[0]
    docker.run("login", "--username", "me", "--password", token, host)
    (tmp_path / "light.py").write_text(code(), encoding="utf-8")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {agent_image}\nWORKDIR /code\nCOPY light.py .\n", encoding="utf-8"
    )
    image = docker.push(docker.build("dagstead-test/light", tmp_path), f"{host}/prod")
    docker.run("rmi", "--force", docker.inspect("image", "dagstead-test/light")["Id"])

    with closing(DeploymentClient(f"http://{host}", "prod", token)) as prod:
        prod.deploy("light", "light", image=image)
        prod.wait_until_loaded("light")
        run = prod.succeed(prod.launch("light", "quiet"))

    assert docker.containers(f"{labels.RUN}={run['runId']}")
    # They can keep containers from the host.
    logs = compose("logs", "docker-pool", "docker-branch-pool")
    assert "Code runs in containers of the network" in logs
    assert "Containers reach what listens on this machine" not in logs
