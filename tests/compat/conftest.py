"""Official agents of every supported minor, each with a control plane of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.distribution import fleet_of
from tests.support.fleet import FLEETS, Fleet, running_fleet
from tests.support.postgres import PostgresCluster
from tests.support.recording import command_recorder, pytest_runtest_call

__all__ = ["command_recorder", "pytest_runtest_call"]

_RUNNING = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session", params=FLEETS)
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two official agents of one minor on two queues, with the same code loaded on both."""
    minor, database = request.param
    with ExitStack() as running:
        request.config.stash[_RUNNING] = running
        url = None
        if database == "postgres":
            cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
            url = running.enter_context(cluster.database())
        folder = tmp_path_factory.mktemp(f"fleet-{minor}")
        yield running.enter_context(running_fleet(folder, minor, url))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop a fleet after the last test that uses it: its schedule would go on starting runs."""
    if nextitem is None or fleet_of(nextitem) != fleet_of(item):
        item.config.stash.get(_RUNNING, ExitStack()).close()
