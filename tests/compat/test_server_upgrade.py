"""A server is replaced by a newer one while agents of every minor serve, and runs are under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.backups import open_plane, settings_of
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.old_dagster_storage import REVISIONS, downgrade
from tests.support.old_databases import set_back

pytestmark = pytest.mark.compat

DEPLOYMENT = "prod"
#: The versions that the older server had: of our tables, and of Dagster's.
OLDER, OLDER_OF_DAGSTER = "0003", REVISIONS[-1]

GREET = {"ops": {"greet": {"config": {"name": "you"}}}}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path) as plane:
        yield plane


def agent(plane: ControlPlane, minor: str) -> OfficialAgent:
    """One that serves the queue that is named by its minor."""
    setup = AgentSetup(
        label=f"of-{minor}",
        token=plane.agent_token(f"of-{minor}", queues=[minor]),
        deployments=[DEPLOYMENT],
        queues=[minor],
        default_queue=False,
    )
    return OfficialAgent(plane, agent_environment(minor), setup)


def make_older(plane: ControlPlane) -> None:
    """Leave the stopped server's databases as an older one would have."""
    with open_plane(settings_of(plane.data)) as stored:
        downgrade(stored.instance(DEPLOYMENT), OLDER_OF_DAGSTER)
    set_back(plane.data / "dagstead.db", OLDER)
    with plane.store.database.read() as connection:
        query = text("SELECT version_num FROM alembic_version")
        assert connection.execute(query).scalar_one() == OLDER


def location_of(minor: str) -> str:
    return f"shop_{minor.replace('.', '_')}"


@pytest.mark.thorough
def test_runs_and_agents_outlive_the_server_of_an_older_version(plane: ControlPlane) -> None:
    deployment = plane.deployment(DEPLOYMENT)
    locations = [location_of(minor) for minor in AGENT_MINORS]
    with ExitStack() as stack:
        stack.callback(deployment.close)
        agents = [stack.enter_context(agent(plane, minor)) for minor in AGENT_MINORS]
        for each in agents:
            stack.callback(each.kill)
        for minor, location in zip(AGENT_MINORS, locations, strict=True):
            deployment.deploy(location, "compat_definitions", queue=minor)
        deployment.wait_until_loaded(*locations)
        runs = [deployment.launch(location, "counting") for location in locations]
        eventually(
            lambda: all("line 10 of 100" in deployment.messages(run) for run in runs),
            180,
            "the tenth line of every run",
        )

        plane.stop()
        make_older(plane)
        plane.start()

        for run in runs:
            assert_counted_once(deployment, run)
        assert [each.exit_code for each in agents] == [None] * len(agents)
        assert {*deployment.locations()} == {*locations}
        for location in locations:
            deployment.succeed(deployment.launch(location, "greeting", config=GREET))


def assert_counted_once(deployment: DeploymentClient, run: str) -> None:
    deployment.succeed(run)
    events = deployment.events(run)
    lines = Counter(each["message"] for each in events if each["message"].startswith("line "))
    assert lines == Counter(f"line {number} of 100" for number in range(100))
    kinds = Counter(each["__typename"] for each in events)
    assert kinds["RunStartEvent"] == kinds["RunSuccessEvent"] == 1
