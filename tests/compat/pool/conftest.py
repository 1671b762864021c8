"""The managed pool with its code in processes."""

from __future__ import annotations

import pytest

from tests.support.pool_backends import Backend, Processes
from tests.support.pool_promises.fixtures import only_what_is_shared, plane
from tests.support.pool_promises.shared_location import deps, location, source

__all__ = ["deps", "location", "only_what_is_shared", "plane", "source"]


@pytest.fixture(scope="package")
def backend() -> Backend:
    """What runs the code."""
    return Processes()
