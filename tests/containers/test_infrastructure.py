"""What the container tests stand on: a base image, a registry, a way to this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.containers.base_image import BASE_IMAGE
from tests.support.containers.docker import Docker, Network
from tests.support.containers.registry import Registry

pytestmark = pytest.mark.containers


def test_an_image_is_built_pushed_and_pulled_by_digest(
    docker: Docker, registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {BASE_IMAGE}\n"
        "RUN --mount=type=cache,target=/cache pip install --cache-dir=/cache iniconfig==2.3.0\n"
        "RUN apt-get check\n"
        "RUN useradd --create-home somebody\n"
        "USER somebody\n",
        encoding="utf-8",
    )
    image = docker.build("dagstead-test/built", tmp_path)
    pinned = docker.push(image, registry.repository("a/built"))
    docker.run("rmi", "--force", image)
    docker.run("image", "prune", "--force")

    said = docker.run("run", "--rm", pinned, "sh", "-c", "id -un; python -c 'import iniconfig'")

    assert said == "somebody"


def test_a_container_reaches_what_listens_on_the_gateway(docker: Docker, network: Network) -> None:
    with socket.create_server((network.gateway, 0)) as server:
        port = server.getsockname()[1]
        program = f"import socket; socket.create_connection(('{network.gateway}', {port}), 10)"

        docker.run("run", "--rm", f"--network={network.name}", BASE_IMAGE, "python", "-c", program)

        server.settimeout(1)
        server.accept()[0].close()
