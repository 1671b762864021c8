"""The managed pool with its code in containers."""

from __future__ import annotations

import pytest

from tests.support.containers.docker import Docker
from tests.support.containers.pool import Containers
from tests.support.pool_backends import Backend
from tests.support.pool_promises.fixtures import only_what_is_shared, plane
from tests.support.pool_promises.shared_location import deps, location, source

__all__ = ["deps", "location", "only_what_is_shared", "plane", "source"]


@pytest.fixture(scope="package")
def backend(docker: Docker, agent_image: str) -> Backend:
    """What runs the code."""
    return Containers(docker=docker, base_image=agent_image)
