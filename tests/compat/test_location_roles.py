"""A role at one code location: it launches runs there, with a real agent, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from dagstead.plane.roles import Role, RoleGrant, Roles
from dagstead.plane.trail import Result, TrailFilter
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError
from tests.support.environments import own_environment

pytestmark = pytest.mark.compat

#: Of the job at the location that is not the token's.
GREETING = {"ops": {"greet": {"config": {"name": "x"}}}}

TERMINATE = """
mutation End($runId: String!) { terminateRun(runId: $runId) { __typename } }
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with two loaded locations of prod, and the agent that serves them."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as started:
        client = started.deployment("prod")
        client.deploy("small", "compat_small")
        client.deploy("large", "compat_definitions")
        setup = AgentSetup(label="roles", token=started.agent_token("roles"), deployments=["prod"])
        agent = OfficialAgent(started, own_environment(), setup)
        try:
            client.wait_until_loaded("small", "large")
            yield started
        finally:
            agent.stop()
            client.close()


def token_at(plane: ControlPlane, role: Role) -> str:
    """Of a viewer who is more at the location small."""
    grant = RoleGrant(role=role, deployment="prod", location="small")
    roles = Roles(default=Role.VIEWER, grants=frozenset({grant}))
    return plane.user_token(f"{role} of small", roles=roles)


@pytest.fixture
def launcher(plane: ControlPlane) -> Iterator[DeploymentClient]:
    """It launches runs of the location small only."""
    client = plane.client("prod", token=token_at(plane, Role.LAUNCHER))
    yield client
    client.close()


def test_a_launcher_of_a_location_runs_its_code(launcher: DeploymentClient) -> None:
    run_id = launcher.launch("small", "whispering")
    assert launcher.wait_for_run(run_id)["status"] == "SUCCESS"


def test_elsewhere_it_launches_and_ends_nothing(
    launcher: DeploymentClient, plane: ControlPlane
) -> None:
    with pytest.raises(GraphQLRefusedError, match="Unauthorized"):
        launcher.launch("large", "greeting", config=GREETING)
    assert [run for run in launcher.runs() if run["jobName"] == "greeting"] == []
    admin = plane.client("prod")
    plane.stop_daemons()
    try:
        theirs = admin.launch("large", "greeting", config=GREETING)
        own = launcher.launch("small", "whispering")
        ended = {
            run_id: launcher.graphql(TERMINATE, runId=run_id)["terminateRun"]["__typename"]
            for run_id in (theirs, own)
        }
        # The answer of open-source Dagster: "You do not have permission to terminate this run".
        assert ended == {theirs: "TerminateRunFailure", own: "TerminateRunSuccess"}
        assert admin.run(theirs)["status"] == "QUEUED"
        refused = plane.store.trail.find(TrailFilter(act="graphql", result=Result.REFUSED))
        assert [(row.said["act"], row.said["on"]["object"]) for row in refused] == [
            ("graphql.terminateRun", f"run {theirs}"),
            ("graphql.launchRun", "job greeting, location large"),
        ]
    finally:
        plane.start()
        admin.close()


def test_an_editor_of_a_location_reports_its_assets_only(plane: ControlPlane) -> None:
    headers = {"Dagster-Cloud-Api-Token": token_at(plane, Role.EDITOR)}
    answers = {
        asset: httpx.post(
            f"{plane.url}/prod/report_asset_materialization/{asset}",
            headers=headers,
            json={},
            trust_env=False,
            timeout=60,
        ).status_code
        for asset in ("only", "source", "of_nobody")
    }
    assert answers == {"only": 200, "source": 401, "of_nobody": 401}
