"""Who names no deployment: what answers, by what the token grants."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from dagster_cloud_cli import gql

from dagstead.plane.deployments import Branch, branch_deployment_name
from dagstead.plane.projects import Project
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trust import Provider
from tests.unit.server.conftest import Plane

PROJECT = Project(path="org/app", provider=Provider.GITHUB, issuer="https://hub", id="7")
PULL_REQUEST = Grant(deployments=[], repository=PROJECT.path, project=PROJECT)

#: What official clients ask at the organization's address before there is a branch deployment.
BEFORE: dict[str, tuple[str, dict[str, Any]]] = {
    "organizationSettings": (gql.ORGANIZATION_SETTINGS_QUERY, {}),
    "serverless": (gql.GET_ECR_CREDS_QUERY, {}),
    "fullDeployments": (gql.FULL_DEPLOYMENTS_QUERY, {}),
    "getBranchDeploymentName": (
        gql.GET_BRANCH_DEPLOYMENT_NAME,
        {"repoName": "org/app", "branchName": "f"},
    ),
    "markCliEvent": (
        gql.MARK_CLI_EVENT_MUTATION,
        {"eventType": "BUILD", "durationSeconds": 1.0, "success": True},
    ),
    "generateServerlessPexUrl": (
        (
            "mutation ($f: [String!]!) "
            "{ generateServerlessPexUrl(filenames: $f, method: PUT) { url } }"
        ),
        {"f": ["source-1.pex"]},
    ),
    "createOrUpdateBranchDeployment": (
        gql.CREATE_OR_UPDATE_BRANCH_DEPLOYMENT,
        {
            "branchData": {"repoName": "org/app", "branchName": "f"},
            "commit": {"commitHash": "c0ffee", "timestamp": 1.0},
            "baseDeploymentName": "prod",
        },
    ),
}


def ask(client: httpx.Client, headers: Any, query: str, **variables: Any) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return client.post("/graphql", json=body, headers=headers)


@pytest.fixture
def headers(plane: Plane) -> Any:
    for each in plane.store.deployments.all():
        if each.is_branch:
            plane.store.deployments.delete(each.name)
    return plane.headers(TokenKind.USER, PULL_REQUEST)


@pytest.mark.parametrize("field", BEFORE)
def test_a_pull_request_is_answered_before_it_has_a_deployment(
    client: httpx.Client, headers: Any, field: str
) -> None:
    query, variables = BEFORE[field]
    answer = ask(client, headers, query, **variables)
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    found = answer.json()["data"][field]
    if isinstance(found, dict):
        assert found.get("__typename", "") in {"", "DagsterCloudDeployment"}, found
    if field == "fullDeployments":
        assert found == []


def test_what_needs_a_deployment_says_so(client: httpx.Client, headers: Any) -> None:
    for query in (
        "{ runsOrError { __typename } }",
        "{ currentDeployment { deploymentName } }",
        "{ locationsAsDocument { document } }",
        "{ instance { info } }",
        "{ repositoriesOrError { __typename } }",
        'mutation { terminateRun(runId: "1") { __typename } }',
        "mutation { deployLocations(document: {}) { ... on PythonError { message } } }",
    ):
        answer = ask(client, headers, query)
        assert "named no deployment" in answer.text, query
        assert "prod" not in answer.text, query


def test_its_home_is_its_newest_branch_deployment(
    plane: Plane, client: httpx.Client, headers: Any
) -> None:
    refused = client.get("/", headers=headers)
    assert refused.status_code == 403
    assert "branch deployments of org/app" in refused.text
    assert "ci init" in refused.text
    store = plane.store.deployments
    store.create_or_update_branch(Branch(repo_name="org/other", branch_name="f"), None)
    for branch, status in (("a", None), ("b", None), ("c", "CLOSED")):
        plane.clock.advance(1)
        made = Branch(repo_name="org/app", branch_name=branch, pull_request_status=status)
        store.create_or_update_branch(made, None, PROJECT)
    newest = branch_deployment_name("org/app", "b", PROJECT)
    assert client.get("/", headers=headers).headers["location"] == f"/{newest}/"
    assert client.get("/locations", headers=headers).headers["location"] == f"/{newest}/locations"
    # What names no deployment is still asked of none.
    answer = ask(client, headers, "{ currentDeployment { deploymentName } }")
    assert "named no deployment" in answer.text


def test_a_token_that_grants_nothing_is_refused(plane: Plane, client: httpx.Client) -> None:
    bare = plane.headers(TokenKind.USER, Grant(deployments=[], branch_deployments=False))
    answer = ask(client, bare, "{ version }")
    assert answer.status_code == 403
    assert "grants no deployment that exists. It may use: none." in answer.text


def test_others_are_answered_by_a_full_deployment(plane: Plane, client: httpx.Client) -> None:
    for grant, name in ((Grant(), "prod"), (Grant(deployments=["staging"]), "staging")):
        headers = plane.headers(TokenKind.USER, grant)
        answer = ask(client, headers, "{ currentDeployment { deploymentName } }")
        assert answer.json()["data"]["currentDeployment"]["deploymentName"] == name


def test_no_page_is_at_the_address_that_is_of_no_deployment(
    client: httpx.Client, headers: Any
) -> None:
    for path in ("/graphql", "/-/graphql", "/-/prod/graphql"):
        answer = client.get(path, headers={**headers, "Accept": "text/html"})
        assert answer.status_code in {403, 404, 405}, path
