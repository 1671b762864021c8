"""A filled deployment on SQLite and one on Postgres, each made once for a module of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from tests.contract.surface import Surface, opened_surface
from tests.contract.world import World, filled_world
from tests.support.postgres import PostgresCluster


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def surface(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Surface]:
    """A server's insides, on each database."""
    folder = tmp_path_factory.mktemp("surface")
    database: AbstractContextManager[str | None]
    if request.param == "sqlite":
        database = nullcontext()
    else:
        cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
        database = cluster.database()
    with database as url, opened_surface(folder, url) as opened:
        yield opened


@pytest.fixture(scope="module")
def world(surface: Surface) -> World:
    """A deployment that real runs have filled."""
    return filled_world(surface)
