"""What a token of CI may do, and how jobs come by one with `dagstead login`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dagstead.control.actor import SYSTEM
from dagstead.plane.tokens import TokenKind
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Provider
from dagstead.server.authentication import TOKEN_HEADER
from tests.support.commands import run_here
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import PROD, claims, graphql, log_in, trust

pytestmark = pytest.mark.usefixtures("no_policies")


def test_branch_deployments_are_those_of_the_job_s_own_repository(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    branches = JobGrant(deployments=frozenset(), branch_deployments=True, locations=None)
    trust(plane, github, branches, any_ref=True)
    job = claims(plane, github, ref="refs/pull/7/merge")
    secret = log_in(client, github.sign(job)).json()["token"]
    make = (
        "mutation Make($repo: String!) { createOrUpdateBranchDeployment("
        'branchData: {repoName: $repo, branchName: "f"}, commit: {commitHash: "c", timestamp: 1})'
        " { __typename ... on DagsterCloudDeployment { deploymentName }"
        " ... on PythonError { message } } }"
    )
    _, everybody = plane.token(TokenKind.USER)
    other = graphql(client, everybody, "prod", make, repo="org/other").json()
    theirs = other["data"]["createOrUpdateBranchDeployment"]["deploymentName"]

    def branch(repository: str) -> Any:
        headers = {TOKEN_HEADER: secret}
        body = {"query": make, "variables": {"repo": repository}}
        # As the CLI does before there is one: to whichever deployment it may use.
        answer = client.post(f"/{own}/graphql", json=body, headers=headers).json()
        return answer["data"]["createOrUpdateBranchDeployment"]

    own = graphql(client, everybody, "prod", make, repo="org/repo").json()["data"][
        "createOrUpdateBranchDeployment"
    ]["deploymentName"]
    assert branch("org/repo")["deploymentName"] == own
    assert "may not use deployment" in branch("org/other")["message"]
    assert "branch deployments of org/repo" in branch("org/other")["message"]
    assert graphql(client, secret, own, "{ version }").status_code == 200
    assert graphql(client, secret, theirs, "{ version }").status_code == 403
    assert graphql(client, secret, "prod", "{ version }").status_code == 403


DEPLOY = """mutation Deploy($document: GenericScalar!) { %s(document: $document) {
  __typename ... on PythonError { message } ... on UnauthorizedError { message } } }"""

REMOVE = """mutation { deleteLocation(locationName: "digits") {
  ... on PythonError { message } } }"""


def _document(name: str) -> dict[str, Any]:
    return {
        "locations": [{"location_name": name, "image": "i:1", "code_source": {"module_name": "m"}}]
    }


def test_a_token_of_some_locations_deploys_these_and_does_nothing_besides(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(
        plane,
        github,
        JobGrant(
            deployments=frozenset({"prod"}),
            branch_deployments=False,
            locations=frozenset({"weather"}),
        ),
        branch="main",
    )
    given = log_in(client, github.sign(claims(plane, github))).json()
    secret = given["token"]
    headers = {TOKEN_HEADER: secret}
    # There are no agents here.
    plane.store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})

    deploy, reconcile = DEPLOY % "deployLocations", DEPLOY % "reconcileLocationsFromDocument"
    deployed = graphql(client, secret, "prod", deploy, document=_document("weather")).json()
    assert given["locations"] == ["weather"]
    assert deployed["data"]["deployLocations"]["__typename"] == "DeployLocationsSuccess"
    _, everybody = plane.token(TokenKind.USER)
    graphql(client, everybody, "prod", deploy, document=_document("digits"))
    others = "removing the deployment's other locations is not part of that"
    for query, document, sentence in (
        (deploy, "digits", "may not change location 'digits'"),
        (reconcile, "weather", others),
        (DEPLOY % "createRelease", "digits", "may not change location 'digits'"),
        (REMOVE, "weather", "may not change location 'digits'"),
    ):
        answer = graphql(client, secret, "prod", query, document=_document(document)).json()
        assert sentence in json.dumps(answer), (query, answer)
    assert graphql(client, secret, "prod", "{ version }").status_code == 200
    refused = [
        graphql(client, secret, "prod", each)
        for each in (
            "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }",
            "mutation { ... { terminateRun(runId: 1) { __typename } } }",
            "mutation { ...F } fragment F on Mutation { terminateRun(runId: 1) { __typename } }",
            "mutation { a: setDeploymentSettings(deploymentSettings: {}) { __typename } }",
            "query A { version } mutation B { terminateRun(runId: 1) { __typename } }",
            "subscription { capturedLogs(logKey: []) { cursor } }",
        )
    ]
    wipe = "mutation { terminateRun(runId: 1) { __typename } }"
    refused += [
        client.get("/prod/graphql", params={"query": wipe}, headers=headers),
        client.post("/prod/graphql", params={"query": wipe}, headers=headers, content=b"{}"),
        client.post(
            "/prod/graphql",
            headers={**headers, "Content-Type": "application/graphql"},
            content=wipe.encode(),
        ),
        client.get("/prod/", headers=headers),
        client.post("/gen_artifact_get", headers=headers),
    ]
    assert [each.status_code for each in refused] == [403] * len(refused)
    for each in refused:
        assert "may only deploy weather" in each.text


def test_tokens_that_ended_long_ago_are_removed_and_their_ids_are_never_another_s(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    plane.token(TokenKind.USER)
    seen: list[int] = []
    for _ in range(3):
        log_in(client, github.sign(claims(plane, github)))
        seen.append(max(each.id for each in plane.store.tokens.all()))
        plane.clock.advance(8 * 86400)

    kept = {each.id for each in plane.store.tokens.all()}
    # At each login the newest before it is still there.
    assert seen == sorted(set(seen))
    assert seen[0] not in kept
    assert {seen[1], seen[2]} <= kept
    # Those without an end stay.
    assert any(each.expires_at is None for each in plane.store.tokens.all())


@pytest.fixture
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may run in a job themselves."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "DAGSTER_CLOUD_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def dagstead_login(plane: Plane, folder: Path, *arguments: str, **variables: str) -> Any:
    url = {"DAGSTER_CLOUD_URL": plane.settings.base_url, "NO_PROXY": "127.0.0.1"}
    return run_here("login", *arguments, cwd=folder, variables={**url, **variables})


@pytest.mark.usefixtures("no_ci")
def test_a_job_of_github_has_its_token_in_the_steps_that_follow(
    plane: Plane, client: httpx.Client, github: OidcIssuer, tmp_path: Path
) -> None:
    trust(plane, github)
    github.job = lambda audience: github.sign(claims(plane, github, aud=audience))
    variables = tmp_path / "github_env"
    job = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ENV": str(variables),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{github.url}/job?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
    }

    done = dagstead_login(plane, tmp_path, "--github", **job)
    name, _, secret = variables.read_text(encoding="utf-8").strip().partition("=")
    printed = dagstead_login(plane, tmp_path, "--output", "export", **job)

    assert done.returncode == 0, done.stderr
    assert name == "DAGSTER_CLOUD_API_TOKEN"
    assert done.stdout == f"::add-mask::{secret}\n"
    assert "Logged in as 'ci org/repo refs/heads/main' for 15 minutes: prod." in done.stderr
    assert graphql(client, secret, "prod", "{ version }").status_code == 200
    # What a shell takes has nothing else in it.
    assert printed.stdout.startswith("export DAGSTER_CLOUD_API_TOKEN=user:dagstead:")
    assert printed.stdout.count("\n") == 1
    assert printed.stderr.startswith("::add-mask::user:dagstead:")


@pytest.mark.usefixtures("no_ci")
def test_a_job_of_gitlab_takes_its_token_from_a_variable(
    plane: Plane, github: OidcIssuer, tmp_path: Path
) -> None:
    new = NewPolicy(
        issuer=github.url,
        provider=Provider.GITLAB,
        wanted=JobFilter(repository="data/etl", tag="v*", claims={}),
        allowed=PROD,
    )
    plane.control.trust.add(SYSTEM, new, loopback=True)
    job = claims(plane, github, project_path="data/etl", ref_path="refs/tags/v1", ref="v1")
    fits = dagstead_login(plane, tmp_path, GITLAB_CI="true", DAGSTEAD_ID_TOKEN=github.sign(job))
    other = dagstead_login(
        plane,
        tmp_path,
        *("--gitlab", "--token-variable", "MINE"),
        MINE=github.sign({**job, "ref_path": "refs/heads/v1"}),
    )

    assert fits.returncode == 0, fits.stderr
    assert fits.stdout.startswith("export DAGSTER_CLOUD_API_TOKEN=user:dagstead:")
    assert "::add-mask::" not in fits.stdout + fits.stderr
    assert other.returncode == 1
    assert other.stdout == ""
    assert "ref_path must be 'refs/tags/v*', and it is 'refs/heads/v1'" in other.stderr
