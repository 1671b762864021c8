"""Repositories for the builder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.build_site import Repository, Site, make_site


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root=root)


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that tests share: unpacking dependencies takes seconds."""
    return tmp_path_factory.mktemp("warm")


@pytest.fixture
def site(tmp_path: Path, uv_cache: Path) -> Site:
    """A repository, and a shelf with Dagster."""
    return make_site(tmp_path, uv_cache)
