"""Code servers of branch deployments stop when nobody asks for them, and start with a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.testing.waiting import eventually
from tests.support.pex import pex_tag
from tests.support.pool_backends import Backend
from tests.support.pool_plane import Plane, running_plane

PATIENCE = 120
PROJECT = """
import dagster as dg

@dg.op
def nothing(context):
    yield dg.AssetMaterialization("nothing", metadata={"name": "nothing"})
    yield dg.Output(None)

@dg.job(executor_def=dg.in_process_executor)
def quick():
    nothing()

definitions = dg.Definitions(jobs=[quick])
"""
CREATE = """
mutation Create($branch: CreateOrUpdateBranchDeploymentInput!, $commit: DeploymentCommitInput!) {
  created: createOrUpdateBranchDeployment(branchData: $branch, commit: $commit) {
    __typename
    ... on DagsterCloudDeployment { deploymentName }
  }
}
"""
STATES = "query States { codeLocations { locationName state } }"


@pytest.fixture(scope="module")
def plane(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A pool that lets go of servers soon."""
    folder: Path = tmp_path_factory.mktemp("branches")
    variables = {"DAGSTEAD_POOL_BRANCH_IDLE_SECONDS": "10"}
    with running_plane(folder, backend=backend, variables=variables) as made:
        yield made


def test_the_server_of_a_branch_stops_and_the_next_request_starts_it(plane: Plane) -> None:
    created = plane.ask(
        CREATE,
        branch={"branchName": "feature", "repoName": "shop/pipelines"},
        commit={"commitHash": "abc", "timestamp": 1.0},
    )["created"]
    branch = replace(plane, deployment=created["deploymentName"])
    deps = branch.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    source = branch.bench.source({"project.py": PROJECT})
    branch.upload(deps, source)
    branch.deploy("shop", pex_metadata={"pex_tag": pex_tag(deps, source)})
    assert branch.loaded("shop")["__typename"] == "RepositoryLocation"

    eventually(lambda: not branch.servers(), PATIENCE, "the server to stop")
    [shown] = branch.ask(STATES)["codeLocations"]
    assert shown == {"locationName": "shop", "state": "live"}
    run_id = branch.launch("shop", "quick")
    branch.until(run_id, "SUCCESS")
