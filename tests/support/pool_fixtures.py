"""Fixtures of the tests of the managed pool: PEX files and a place to fetch them from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.serverless.home import PoolHome
from tests.support.pex import PexBench
from tests.support.pex_shop import PexShop, pex_shop


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> PexBench:
    """A bench to build PEX files on; they stay for all tests of a file."""
    return PexBench(
        shelf=tmp_path_factory.mktemp("shelf"), workshop=tmp_path_factory.mktemp("workshop")
    )


@pytest.fixture
def shop(bench: PexBench) -> Iterator[PexShop]:
    """A stub server that hands out what the bench has built."""
    with pex_shop(bench.shelf) as shop:
        yield shop


@pytest.fixture
def home(tmp_path: Path) -> PoolHome:
    """An empty pool's folder."""
    home = PoolHome(root=tmp_path / "pool")
    home.create()
    return home
