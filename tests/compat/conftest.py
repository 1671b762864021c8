"""Official agents of every supported minor, each with a control plane of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.environments import AGENT_MINORS
from tests.support.fleet import Fleet, running_fleet
from tests.support.postgres import PostgresCluster

_NEWEST = AGENT_MINORS[-1]


def _parameter(minor: str, database: str) -> object:
    # One worker of pytest-xdist runs all tests of a fleet, so that it is started once.
    name = f"{minor}-{database}"
    return pytest.param((minor, database), id=name, marks=pytest.mark.xdist_group(f"agents-{name}"))


@pytest.fixture(
    scope="session",
    params=[
        *(_parameter(minor, "sqlite") for minor in AGENT_MINORS),
        _parameter(_NEWEST, "postgres"),
    ],
)
def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two official agents of one minor on two queues, with the same code loaded on both."""
    minor, database = request.param
    folder = tmp_path_factory.mktemp(f"fleet-{minor}")
    if database == "sqlite":
        with running_fleet(folder, minor, None) as fleet:
            yield fleet
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    with cluster.database() as url, running_fleet(folder, minor, url) as fleet:
        yield fleet
