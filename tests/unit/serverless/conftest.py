"""PEX files and a place to fetch them from."""

from __future__ import annotations

from tests.support.pool_fixtures import bench, home, shop

__all__ = ["bench", "home", "shop"]
