"""The managed pool with its code in containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.containers.docker import Docker
from tests.support.containers.pool import Containers
from tests.support.pool_backends import Backend
from tests.support.pool_promises.fixtures import only_what_is_shared, plane
from tests.support.pool_promises.shared_location import deps, location, source

#: These wait for heartbeats, as containers cannot say themselves that they end without an agent.
_LONG = (
    "test_runs_outlive_their_agent_and_a_worker_that_dies_fails_its_run",
    "test_stopping_leaves_no_process_and_runs_say_who_ended_them",
)

__all__ = ["deps", "location", "only_what_is_shared", "plane", "source"]


@pytest.fixture(scope="package")
def backend(docker: Docker, agent_image: str) -> Backend:
    """What runs the code."""
    return Containers(docker=docker, base_image=agent_image)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to ``make test-thorough`` what takes long in containers only."""
    for item in items:
        if item.path.parent == Path(__file__).parent and item.name.startswith(_LONG):
            item.add_marker(pytest.mark.thorough)
