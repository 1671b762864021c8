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
