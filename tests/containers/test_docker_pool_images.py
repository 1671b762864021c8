"""Which images a pool removes from its daemon: those that it brought, once nobody needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from dagstead.serverless.docker.fetching import ImageFetcher, is_here
from dagstead.serverless.docker.image_notes import ImageNotes
from dagstead.serverless.home import PoolHome
from tests.support.containers.docker import Docker
from tests.support.containers.registry import Registry

pytestmark = pytest.mark.containers

_DAY = 24 * 3600.0
_KEEP = 3 * _DAY


@dataclass
class Clock:
    """Goes on when a test says so."""

    now: float = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(kw_only=True)
class Pool:
    """What a pool knows of images."""

    docker: Docker
    clock: Clock
    folder: Path
    name: str = field(default_factory=lambda: uuid4().hex[:12])

    def __post_init__(self) -> None:
        home = PoolHome(root=self.folder / self.name)
        home.create()
        self.notes = ImageNotes(home=home, pool=self.name, clock=self.clock)
        self.fetcher = ImageFetcher(own_host="none", token="none", notes=self.notes)

    def made(self, *parts: str) -> str:
        """An image that this pool makes."""
        name = f"dagstead-code:{uuid4().hex[:16]}"
        self.docker.run("build", "--tag", name, str(context(self.folder)))
        self.notes.brought(name, parts)
        return name

    def sweep(self, *needed: str) -> list[str]:
        return self.notes.sweep(needed, keep_seconds=_KEEP)


def context(folder: Path) -> Path:
    """Of an image that is no other."""
    made = folder / uuid4().hex
    made.mkdir()
    (made / "content").write_text(made.name)
    (made / "Dockerfile").write_text('FROM scratch\nCOPY content /\nCMD ["none"]\n')
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(docker: Docker, clock: Clock, tmp_path: Path) -> Pool:
    return Pool(docker=docker, clock=clock, folder=tmp_path)


@pytest.fixture
def other(docker: Docker, clock: Clock, tmp_path: Path) -> Pool:
    return Pool(docker=docker, clock=clock, folder=tmp_path)


@pytest.fixture
def pushed(docker: Docker, registry: Registry, tmp_path: Path) -> Iterator[str]:
    """An image of a registry, pinned, that is not here."""
    name = docker.build(f"dagstead-test/{uuid4().hex[:12]}", context(tmp_path))
    pinned = docker.push(name, registry.repository(name))
    docker.run("rmi", "--force", docker.inspect("image", name)["Id"])
    yield pinned
    if is_here(pinned):
        docker.run("rmi", "--force", docker.inspect("image", pinned)["Id"])


def test_an_image_that_nobody_needs_is_removed_after_some_days(pool: Pool, clock: Clock) -> None:
    part = pool.made()
    image = pool.made(part)
    clock.now += 2 * _DAY
    assert pool.sweep() == []

    clock.now += 2 * _DAY
    assert pool.sweep(image) == []
    clock.now += 2 * _DAY
    assert pool.sweep() == []
    assert is_here(image)
    assert is_here(part)

    clock.now += 2 * _DAY
    assert set(pool.sweep()) == {image, part}
    assert not is_here(image)
    assert not is_here(part)
    assert "dagstead-kept" not in pool.docker.run(
        "image", "ls", "--format={{.Repository}}:{{.Tag}}", f"dagstead-kept:{pool.name}*"
    )
    assert pool.sweep() == []


def test_the_image_of_a_container_stays_even_one_that_has_ended(pool: Pool, clock: Clock) -> None:
    image = pool.made()
    container = pool.docker.run("create", image)
    clock.now += 30 * _DAY

    assert pool.sweep() == []

    assert is_here(image)
    pool.docker.run("rm", container)
    assert pool.sweep() == [image]


def test_an_image_that_was_fetched_is_removed_and_can_be_had_again(
    pool: Pool, clock: Clock, pushed: str
) -> None:
    pool.fetcher.fetch(pushed)
    clock.now += 2 * _DAY
    pool.fetcher.fetch(pushed)
    clock.now += 2 * _DAY
    assert pool.sweep() == []

    clock.now += 2 * _DAY
    assert pool.sweep() == [pushed]

    assert not is_here(pushed)
    pool.fetcher.fetch(pushed)
    assert is_here(pushed)


def test_an_image_that_was_here_before_is_never_removed(
    pool: Pool, clock: Clock, docker: Docker, pushed: str
) -> None:
    docker.run("pull", pushed)
    pool.fetcher.fetch(pushed)
    clock.now += 30 * _DAY

    assert pool.sweep() == []

    assert is_here(pushed)


def test_a_name_that_somebody_else_gave_an_image_keeps_it(
    pool: Pool, clock: Clock, docker: Docker, pushed: str
) -> None:
    pool.fetcher.fetch(pushed)
    name = f"dagstead-test/{uuid4().hex[:12]}"
    docker.run("tag", pushed, name)
    clock.now += 30 * _DAY

    pool.sweep()

    assert is_here(name)
    docker.run("rmi", name)


@pytest.mark.parametrize("is_made", [True, False], ids=["made", "fetched"])
def test_another_pools_image_is_not_removed_before_it_is_done_with_it(
    pool: Pool, other: Pool, clock: Clock, pushed: str, *, is_made: bool
) -> None:
    if is_made:
        image = pool.made()
        other.notes.brought(image)
    else:
        image = pushed
        pool.fetcher.fetch(image)
        other.fetcher.fetch(image)
    clock.now += 4 * _DAY

    other.sweep(image)
    pool.sweep()
    assert is_here(image)

    clock.now += 4 * _DAY
    other.sweep()
    pool.sweep()
    assert not is_here(image)


def test_a_tag_that_became_another_images_leaves_none_behind(
    pool: Pool, clock: Clock, docker: Docker, registry: Registry, tmp_path: Path
) -> None:
    name = f"{registry.repository('moving')}:latest"
    identities = []
    for _ in range(2):
        docker.build(name, context(tmp_path))
        docker.run("push", "--quiet", name)
        identity = docker.inspect("image", name)["Id"]
        docker.run("rmi", "--force", identity)
        pool.fetcher.fetch(name)
        identities.append(identity)
    clock.now += 4 * _DAY

    pool.sweep(name)

    assert not is_here(identities[0])
    assert is_here(identities[1])
    clock.now += 4 * _DAY
    assert pool.sweep() == [name]
    assert not is_here(identities[1])
