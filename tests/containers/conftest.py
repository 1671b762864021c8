"""Docker, a registry, a network and the base image, once for all container tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.containers import images
from tests.support.containers.daemon import docker_daemon
from tests.support.containers.docker import Docker, Network
from tests.support.containers.registry import Registry, running_registry
from tests.support.recording import command_recorder, pytest_runtest_call

__all__ = ["command_recorder", "pytest_runtest_call"]


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """A Docker daemon's client; ``python:3.11-slim`` is there for builds."""
    with docker_daemon():
        client = Docker(folder=tmp_path_factory.mktemp("docker-client"))
        client.make_base_image()
        yield client


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An empty registry."""
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture(scope="session")
def network(docker: Docker) -> Iterator[Network]:
    """A network of containers whose gateway address is this machine."""
    network = docker.make_network()
    yield network
    docker.remove_network(network)


@pytest.fixture(scope="session")
def agent_image(docker: Docker) -> str:
    """The official Docker agent."""
    return images.agent_image(docker)


@pytest.fixture(scope="session")
def location_image(
    docker: Docker, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The compat tests' locations, in the registry and no longer here, pinned by digest."""
    image = images.location_image(docker, tmp_path_factory.mktemp("location"))
    pinned = docker.push(image, registry.repository("locations/compat"))
    docker.run("rmi", "--force", docker.inspect("image", image)["Id"])
    return pinned


@pytest.fixture(scope="session")
def dagstead_image(docker: Docker) -> str:
    """The control plane's image."""
    return images.dagstead_image(docker)
