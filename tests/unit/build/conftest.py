"""Repositories for the builder."""

from __future__ import annotations

from tests.support.build_fixtures import repository, site, uv_cache, warm

__all__ = ["repository", "site", "uv_cache", "warm"]
