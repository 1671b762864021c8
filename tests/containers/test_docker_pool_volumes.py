"""What deleted deployments leave on the daemon of a pool."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import uuid4

import pytest

from dagstead.serverless.docker import labels
from dagstead.serverless.docker.storage import remove_deleted
from tests.support.containers.docker import Docker

pytestmark = pytest.mark.containers


class Volumes:
    """Those of a pool, one for each deployment."""

    def __init__(self, docker: Docker) -> None:
        self.docker = docker
        self.pool = uuid4().hex[:12]

    def make(self, deployment: str, pool: str | None = None) -> str:
        marks = {labels.POOL: pool or self.pool, labels.DEPLOYMENT: deployment}
        words = [f"--label={name}={value}" for name, value in marks.items()]
        return self.docker.run("volume", "create", *words)

    def left(self) -> set[str]:
        return set(self.docker.run("volume", "ls", "--quiet").split())


@pytest.fixture
def volumes(docker: Docker) -> Iterator[Volumes]:
    made = Volumes(docker)
    before = made.left()
    yield made
    for name in made.left() - before:
        docker.run("volume", "rm", "--force", name)


def test_those_of_deleted_deployments_go_and_no_others(volumes: Volumes) -> None:
    prod, gone, another = (
        volumes.make("prod"),
        volumes.make("gone"),
        volumes.make("gone", pool="another"),
    )

    def existing(names: Sequence[str]) -> Collection[str]:
        assert names == ["gone", "prod"]
        return {"prod"}

    assert remove_deleted(volumes.pool, existing) == ["gone"]
    assert {prod, another} <= volumes.left()
    assert gone not in volumes.left()


def test_nothing_goes_while_the_control_plane_does_not_say(volumes: Volumes) -> None:
    name = volumes.make("prod")

    assert remove_deleted(volumes.pool, lambda _: None) == []
    assert name in volumes.left()


def test_what_a_container_has_stays(volumes: Volumes, agent_image: str) -> None:
    name = volumes.make("gone")
    container = volumes.docker.run("create", f"--volume={name}:/x", agent_image)

    assert remove_deleted(volumes.pool, lambda _: ()) == []
    volumes.docker.run("rm", container)
    assert remove_deleted(volumes.pool, lambda _: ()) == ["gone"]
