"""One control plane with its managed pool for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.pool_plane import Plane, running_plane


@pytest.fixture(scope="package")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Running; the last test of the folder ends it."""
    with running_plane(tmp_path_factory.mktemp("pool")) as plane:
        yield plane


@pytest.fixture(autouse=True)
def _only_what_is_shared(plane: Plane) -> Iterator[None]:
    """Remove what a test has deployed: every restart of the pool would start its code servers."""
    before = plane.locations()
    yield
    for name in plane.locations() - before:
        plane.remove(name)
