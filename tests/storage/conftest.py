"""Control planes to back up and restore."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.backups import Scene, blob, open_plane, settings_of
from tests.support.postgres import PostgresCluster


@pytest.fixture(params=["sqlite", "postgres"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """An empty control plane on each database."""
    with ExitStack() as databases:

        def new_database() -> str | None:
            if request.param == "sqlite":
                return None
            cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
            return databases.enter_context(cluster.database())

        loaded = settings_of(tmp_path / "data", new_database())
        with open_plane(loaded) as plane:
            plane.store.deployments.create("prod")
        yield Scene(folder=tmp_path, loaded=loaded, new_database=new_database)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Scene:
    """A control plane on SQLite with one deployment."""
    loaded = settings_of(tmp_path / "data")
    with open_plane(loaded) as plane:
        plane.store.deployments.create("prod")
        plane.store.blobs.put(blob(0), b"content")
    return Scene(folder=tmp_path, loaded=loaded, new_database=lambda: None)
