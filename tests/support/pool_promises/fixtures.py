"""One control plane with its managed pool, for all tests of a folder that has a ``backend``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.pool_backends import Backend
from tests.support.pool_plane import Plane, running_plane


@pytest.fixture(scope="package")
def plane(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Running; the last test of the folder ends it."""
    with running_plane(tmp_path_factory.mktemp("pool"), backend=backend) as plane:
        yield plane


@pytest.fixture(autouse=True)
def only_what_is_shared(plane: Plane) -> Iterator[None]:
    """Remove what a test has deployed: every restart of the pool would start its code servers."""
    before = plane.locations()
    yield
    for name in plane.locations() - before:
        plane.remove(name)
