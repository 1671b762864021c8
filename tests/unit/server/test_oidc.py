"""CI logs in with its provider's token: what is accepted, what is refused, and what comes of it."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from dagstead.plane.tokens import TokenKind
from dagstead.plane.trust import Allowed, Policy, Provider, Wanted
from dagstead.server.identity import TOKEN_HEADER
from dagstead.server.oidc import OIDC_PATH
from dagstead.server.trusting import add_policy
from tests.support.environments import own_environment
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane

PROD = Allowed(deployments=frozenset({"prod"}), branch_deployments=False, locations=None)


@pytest.fixture(scope="module")
def github() -> Iterator[OidcIssuer]:
    with OidcIssuer() as issuer:
        issuer.new_key("first")
        yield issuer


@pytest.fixture(autouse=True)
def _no_policies(plane: Plane) -> Iterator[None]:
    yield
    for each in plane.store.trust.all():
        plane.store.trust.remove(each.id)
    # Each test has the throttle's minute, and the keys' hour, for itself.
    plane.clock.advance(4000)


def trust(plane: Plane, issuer: OidcIssuer, allowed: Allowed = PROD, **wanted: Any) -> Policy:
    return add_policy(
        plane.store,
        issuer=(issuer.url, Provider.GITHUB),
        wanted=Wanted(**{"repository": "org/repo", "claims": {}, **(wanted or {"branch": "main"})}),
        allowed=allowed,
        loopback=True,
    )


def claims(plane: Plane, issuer: OidcIssuer, **changes: Any) -> dict[str, Any]:
    now = int(plane.clock())
    whole = {
        "iss": issuer.url,
        "aud": plane.settings.base_url,
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "sub": "repo:org/repo:ref:refs/heads/main",
        "repository": "org/repo",
        "ref": "refs/heads/main",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def log_in(client: httpx.Client, token: str, deployment: str | None = None) -> httpx.Response:
    return client.post(OIDC_PATH, json={"token": token, "deployment": deployment})


def graphql(
    client: httpx.Client, secret: str, deployment: str, query: str, **variables: Any
) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return client.post(f"/{deployment}/graphql", json=body, headers={TOKEN_HEADER: secret})


def test_a_job_that_a_policy_fits_gets_a_token_of_minutes(
    plane: Plane, client: httpx.Client, github: OidcIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    trust(plane, github)
    text = github.sign(claims(plane, github))
    with caplog.at_level(logging.DEBUG):
        answer = log_in(client, text)
    given = answer.json()

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert given["deployments"] == ["prod"]
    assert given["name"] == "ci org/repo refs/heads/main"
    assert given["expires_at"] == plane.clock() + 15 * 60
    assert given["expires_in"] == 15 * 60
    version = graphql(client, given["token"], "prod", "{ version }")
    assert version.json()["data"]["version"]
    assert graphql(client, given["token"], "staging", "{ version }").status_code == 403
    # Neither token is in a log, whole or by its signature.
    assert given["token"] not in caplog.text
    assert text.rsplit(".", maxsplit=1)[-1] not in caplog.text

    plane.clock.advance(15 * 60)
    late = graphql(client, given["token"], "prod", "{ version }")
    assert late.status_code == 401
    assert "has expired. Get a new one with `dagstead login`." in late.text


def test_a_key_of_a_curve_and_a_list_of_audiences_are_fine(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    github.new_key("curve", curve=True)
    said = claims(plane, github, aud=["https://elsewhere.example.com", plane.settings.base_url])

    answer = log_in(client, github.sign(said, key_id="curve", algorithm="ES256"))

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"exp": 1}, 401, "has expired"),
        ({"exp": None}, 401, "no claim 'exp'"),
        ({"iat": None}, 401, "no claim 'iat'"),
        ({"exp": "soon"}, 401, "claim 'exp'"),
        ({"nbf": 1 << 40}, 401, "claim 'nbf'"),
        ({"iat": 1 << 40}, 401, "claim 'iat'"),
        ({"aud": "https://github.com/org"}, 401, "Ask for it with that audience"),
        ({"aud": None}, 401, "no claim 'aud'"),
        ({"iss": "https://evil.example.com"}, 401, "No trust policy names the issuer"),
        ({"iss": None}, 401, "No trust policy names the issuer ''"),
        ({"repository": "org/other"}, 403, "No trust policy is for repository 'org/other'"),
        ({"repository": "ORG/repo"}, 403, "No trust policy is for repository 'ORG/repo'"),
        ({"repository": None}, 403, "No trust policy is for repository None"),
        (
            {"ref": "refs/heads/feature"},
            403,
            "ref must be 'refs/heads/main', and it is 'refs/heads/feature'",
        ),
        ({"ref": "refs/pull/1/merge"}, 403, "and it is 'refs/pull/1/merge'"),
        ({"ref": None}, 403, "ref must be 'refs/heads/main', which it lacks"),
        ({"ref": ["refs/heads/main"]}, 403, "which it lacks"),
    ],
)
def test_every_claim_counts(
    plane: Plane,
    client: httpx.Client,
    github: OidcIssuer,
    changes: Mapping[str, Any],
    status: int,
    says: str,
) -> None:
    trust(plane, github)
    before = len(plane.store.tokens.all())

    answer = log_in(client, github.sign(claims(plane, github, **changes)))

    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]
    assert len(plane.store.tokens.all()) == before


def test_a_signature_that_is_not_the_issuer_s_is_refused(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    said = claims(plane, github)
    public = json.dumps(github.keys["first"].as_dict(private=False))
    forged = {
        "another key of the same name": github.sign(
            said, key=RSAKey.generate_key(2048, parameters={"kid": "first"})
        ),
        "a secret that is the public key": github.sign(
            said, key=OctKey.import_key(public), algorithm="HS256"
        ),
        "no signature": _unsigned(said),
        "another algorithm": github.sign(said, algorithm="RS512"),
        "changed afterwards": _changed(github.sign(said), {**said, "ref": "refs/heads/x"}),
    }

    answers = {name: log_in(client, text) for name, text in forged.items()}

    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(forged, 401)
    for each in answers.values():
        assert "is not signed by" in each.json()["error"]


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(said: Mapping[str, Any]) -> str:
    return f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(said)}."


def _changed(text: str, said: Mapping[str, Any]) -> str:
    header, _, signature = text.split(".")
    return f"{header}.{_part(said)}.{signature}"


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "..", "e30.e30.e30", "W10.W10.", "é.é.é", "a" * 9000]
)
def test_what_is_no_token_is_refused_without_asking_anybody(
    plane: Plane, client: httpx.Client, github: OidcIssuer, text: str
) -> None:
    trust(plane, github)
    asked = len(github.requests)

    assert log_in(client, text).status_code == 401
    assert len(github.requests) == asked


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"token": 1}', 400),
        (b'{"token": "x", "deployment": 1}', 400),
        (b"[" * 9000, 400),
        (b'{"token": "' + b"x" * 20000 + b'"}', 413),
    ],
)
def test_a_body_of_another_form_is_refused(
    client: httpx.Client, content: bytes, status: int
) -> None:
    answer = client.post(OIDC_PATH, content=content)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_only_so_many_may_try_in_a_minute(plane: Plane, client: httpx.Client) -> None:
    answers = [log_in(client, "x") for _ in range(121)]

    assert [each.status_code for each in answers] == [401] * 120 + [429]
    assert answers[-1].headers["Retry-After"]
    plane.clock.advance(61)
    assert log_in(client, "x").status_code == 401


def test_keys_are_kept_and_asked_for_again_when_there_is_a_new_one(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200
    asked = len(github.requests)
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200
    assert len(github.requests) == asked

    github.new_key("rolled")
    plane.clock.advance(61)
    rolled = github.sign(claims(plane, github), key_id="rolled")
    assert log_in(client, rolled).status_code == 200

    # Keys that are made up do not make us ask all the time.
    asked = len(github.requests)
    made_up = github.sign(claims(plane, github), key_id="none", key=github.keys["first"])
    for _ in range(5):
        assert log_in(client, made_up).status_code == 401
    assert len(github.requests) == asked


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://keys.example.com/"},
        {"issuer": 1},
        {"jwks_uri": "{url}/nothing"},
        {"jwks_uri": "{url}/.well-known/openid-configuration"},
    ],
)
def test_an_issuer_that_answers_oddly_gives_no_token(
    plane: Plane, client: httpx.Client, about: dict[str, Any]
) -> None:
    with OidcIssuer() as odd:
        odd.new_key("first")
        whole = {"issuer": odd.url, "jwks_uri": f"{odd.url}/keys", **about}
        odd.about = {
            name: each.replace("{url}", odd.url) if isinstance(each, str) else each
            for name, each in whole.items()
        }
        trust(plane, odd)
        answer = log_in(client, odd.sign(claims(plane, odd)))

    assert answer.status_code == 502
    assert f"The keys of {odd.url} could not be fetched" in answer.json()["error"]


def test_an_issuer_that_is_away_is_said_so(plane: Plane, client: httpx.Client) -> None:
    with OidcIssuer() as away:
        away.new_key("first")
        trust(plane, away)
        text = away.sign(claims(plane, away))

    answer = log_in(client, text)

    assert answer.status_code == 502
    assert "could not be fetched" in answer.json()["error"]


def test_the_policy_that_grants_the_deployment_is_chosen(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    staging = Allowed(deployments=frozenset({"staging"}), branch_deployments=False, locations=None)
    trust(plane, github, staging, branch="*")
    text = github.sign(claims(plane, github))

    assert log_in(client, text).json()["deployments"] == ["prod"]
    assert log_in(client, text, "staging").json()["deployments"] == ["staging"]
    refused = log_in(client, text, "nowhere")
    assert refused.status_code == 403
    assert "does not grant deployment 'nowhere'. It grants: prod" in refused.json()["error"]


def test_branch_deployments_are_those_of_the_job_s_own_repository(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    branches = Allowed(deployments=frozenset(), branch_deployments=True, locations=None)
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


DOCUMENT = """mutation Deploy($document: GenericScalar!) { deployLocations(document: $document) {
  __typename ... on DeployLocationsSuccess { locations { locationName } }
  ... on PythonError { message } ... on InvalidLocationError { errors }
  ... on UnauthorizedError { message } } }"""


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
        Allowed(
            deployments=frozenset({"prod"}),
            branch_deployments=False,
            locations=frozenset({"weather"}),
        ),
        branch="main",
    )
    given = log_in(client, github.sign(claims(plane, github))).json()
    secret = given["token"]
    headers = {TOKEN_HEADER: secret}

    deployed = graphql(client, secret, "prod", DOCUMENT, document=_document("weather")).json()
    assert given["locations"] == ["weather"]
    assert deployed["data"]["deployLocations"]["locations"] == [{"locationName": "weather"}]
    other = graphql(client, secret, "prod", DOCUMENT, document=_document("digits")).json()
    assert "may not change location 'digits'" in json.dumps(other)
    assert graphql(client, secret, "prod", "{ version }").status_code == 200
    refused = [
        graphql(client, secret, "prod", each)
        for each in (
            "mutation { wipeAssets(assetPartitionRanges: []) { __typename } }",
            "mutation { ... { terminateRun(runId: 1) { __typename } } }",
            "mutation { ...F } fragment F on Mutation { terminateRun(runId: 1) { __typename } }",
            "mutation { a: setDeploymentSettings(deploymentSettings: {}) { __typename } }",
            "query A { version } mutation B { terminateRun(runId: 1) { __typename } }",
            "mutation { reconcileLocationsFromDocument(document: {}) { __typename } }",
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


def test_tokens_that_ended_long_ago_are_removed(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    log_in(client, github.sign(claims(plane, github)))
    ended = max(each.id for each in plane.store.tokens.all())
    plane.clock.advance(8 * 86400)
    log_in(client, github.sign(claims(plane, github)))

    kept = {each.id for each in plane.store.tokens.all()}
    assert ended not in kept
    # Those without an end stay.
    assert any(each.expires_at is None for each in plane.store.tokens.all())


def dagstead_login(plane: Plane, *arguments: str, **variables: str) -> Any:
    program = own_environment().program("dagstead")
    return subprocess.run(
        [program, "login", *arguments],
        env=own_environment().variables(
            DAGSTER_CLOUD_URL=plane.settings.base_url, NO_PROXY="127.0.0.1", **variables
        ),
        capture_output=True,
        text=True,
        check=False,
    )


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

    done = dagstead_login(plane, "--github", **job)
    name, _, secret = variables.read_text(encoding="utf-8").strip().partition("=")
    printed = dagstead_login(plane, "--output", "export", **job)

    assert done.returncode == 0, done.stderr
    assert name == "DAGSTER_CLOUD_API_TOKEN"
    assert done.stdout == f"::add-mask::{secret}\n"
    assert "Logged in as 'ci org/repo refs/heads/main' for 15 minutes: prod." in done.stderr
    assert graphql(client, secret, "prod", "{ version }").status_code == 200
    # What a shell takes has nothing else in it.
    assert printed.stdout.startswith("export DAGSTER_CLOUD_API_TOKEN=user:dagstead:")
    assert printed.stdout.count("\n") == 1
    assert printed.stderr.startswith("::add-mask::user:dagstead:")


def test_a_job_of_gitlab_takes_its_token_from_a_variable(plane: Plane, github: OidcIssuer) -> None:
    add_policy(
        plane.store,
        issuer=(github.url, Provider.GITLAB),
        wanted=Wanted(repository="data/etl", tag="v*", claims={}),
        allowed=PROD,
        loopback=True,
    )
    job = claims(plane, github, project_path="data/etl", ref_path="refs/tags/v1", ref="v1")
    fits = dagstead_login(plane, GITLAB_CI="true", DAGSTEAD_ID_TOKEN=github.sign(job))
    other = dagstead_login(
        plane,
        *("--gitlab", "--token-variable", "MINE"),
        MINE=github.sign({**job, "ref_path": "refs/heads/v1"}),
    )

    assert fits.returncode == 0, fits.stderr
    assert fits.stdout.startswith("export DAGSTER_CLOUD_API_TOKEN=user:dagstead:")
    assert "::add-mask::" not in fits.stdout + fits.stderr
    assert other.returncode == 1
    assert other.stdout == ""
    assert "ref_path must be 'refs/tags/v*', and it is 'refs/heads/v1'" in other.stderr
