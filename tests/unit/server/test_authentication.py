"""Who may call what: found by walking the routes, so that a new one is held to the same."""

from __future__ import annotations

import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.authentication import TOKEN_HEADER, is_public
from tests.support.routes import BELOW_DEPLOYMENTS, every_call
from tests.unit.server.conftest import Plane

STYLES = "/-/static/{digest}/{name}"
PUBLIC = {"/health", "/health/all", "/sign-in", "/oidc/token", "/blobs/x", STYLES}

#: Clients of registries send their token in a way of their own.
REGISTRY = "/v2/x"


def answers(
    plane: Plane, client: httpx.Client, headers: dict[str, str]
) -> dict[tuple[str, str], int]:
    # A client that fails too often in a minute is asked to wait.
    plane.clock.advance(61)
    return {
        (method, path): client.request(method, path, headers=headers).status_code
        for method, path in every_call(plane.app)
        if path not in PUBLIC
    }


def test_only_these_addresses_are_public(plane: Plane) -> None:
    paths = {path for _, path in every_call(plane.app)}
    assert {path for path in paths if is_public(path)} == PUBLIC | {REGISTRY}
    assert len(paths) > 20


def test_nothing_else_answers_without_a_token(plane: Plane, client: httpx.Client) -> None:
    assert set(answers(plane, client, {}).values()) == {401}


def test_nothing_answers_an_unknown_token(plane: Plane, client: httpx.Client) -> None:
    unknown = {TOKEN_HEADER: new_secret(TokenKind.USER, "dagstead")}
    assert set(answers(plane, client, unknown).values()) == {401}


@pytest.mark.parametrize("kind", list(TokenKind))
def test_nothing_answers_a_revoked_token(
    plane: Plane, client: httpx.Client, kind: TokenKind
) -> None:
    # Every kind has the throttle's minute for itself.
    plane.clock.advance(60)
    token, secret = plane.token(kind)
    if kind is TokenKind.WORKER:
        plane.store.workers.end_of_pool(ORGANIZATION, "a pool")
    else:
        plane.store.tokens.revoke(token.id)
    assert set(answers(plane, client, {TOKEN_HEADER: secret}).values()) == {401}


def test_a_signed_address_is_needed_where_no_token_is(client: httpx.Client) -> None:
    for method in ("GET", "PUT", "POST"):
        assert client.request(method, "/blobs/pex/_/x").status_code == 403


@pytest.mark.parametrize(("method", "path"), [*BELOW_DEPLOYMENTS, ("GET", "/")])
def test_an_agent_token_opens_nothing_for_people(
    plane: Plane, client: httpx.Client, method: str, path: str
) -> None:
    answer = client.request(method, path, headers=plane.headers(TokenKind.AGENT))
    assert answer.status_code == 403
    assert "is an agent token" in answer.text


def test_a_user_token_opens_nothing_for_agents(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    for method, path in (("PUT", "/upload_api_response"), ("POST", "/store_events")):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert "is a user token" in answer.text


def test_the_refusal_is_in_the_form_that_clients_read(plane: Plane, client: httpx.Client) -> None:
    token, secret = plane.token(TokenKind.USER)
    plane.store.tokens.revoke(token.id)
    answer = client.post("/graphql", headers={TOKEN_HEADER: secret}, json={"query": "{version}"})
    assert "was revoked" in answer.json()["errors"][0]["message"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "needs a token" in client.get("/gen_logs_url").json()["error"]


def test_a_bearer_token_counts_too(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    answer = client.post(
        "/prod/graphql", headers={"Authorization": f"bearer {secret}"}, json={"query": "{version}"}
    )
    assert answer.json()["data"]["version"]


def test_a_limited_token_sees_its_deployments_only(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(
        TokenKind.USER, Grant(deployments={"staging"}, branch_deployments=False)
    )
    assert client.get("/", headers=headers).headers["location"] == "/staging/"
    assert client.get("/staging/server_info", headers=headers).status_code == 200
    for name in ("prod", "no-such"):
        answer = client.get(f"/{name}/server_info", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"].startswith(
            f"Token 'a user' may not use deployment {name!r}. It may use: staging."
        )
    by_header = client.post(
        "/graphql",
        headers={**headers, "Dagster-Cloud-Deployment": "prod"},
        json={"query": "{version}"},
    )
    assert by_header.status_code == 403


def test_an_unknown_deployment_is_told_with_those_that_exist(
    plane: Plane, client: httpx.Client
) -> None:
    answer = client.get("/prdo/server_info", headers=plane.headers(TokenKind.USER))
    assert answer.status_code == 404
    assert "Full deployments: prod, staging" in answer.json()["error"]


def test_a_deployment_that_is_gone_does_not_say_which_others_there_are(
    plane: Plane, client: httpx.Client
) -> None:
    """A token may grant it for longer than it lives."""
    headers = plane.headers(TokenKind.USER, Grant(deployments=["gone", "prod"]))
    secret = 'mutation { setSecret(name: "A", value: "v", target: {deploymentName: "gone", '
    secret += "scopes: [], locationNames: []}) }"
    branch = """mutation { createOrUpdateBranchDeployment(
      branchData: {repoName: "org/app", branchName: "f"}, commit: {commitHash: "c", timestamp: 1},
      baseDeploymentName: "gone") { ... on PythonError { message } } }"""
    named = '{ deploymentByName(name: "gone") { __typename ... on Error { message } } }'
    answers = [
        client.get("/gone/server_info", headers=headers),
        client.post("/prod/graphql", headers=headers, json={"query": secret}),
        client.post("/prod/graphql", headers=headers, json={"query": branch}),
        client.post(
            "/graphql",
            headers={**headers, "Dagster-Cloud-Deployment": "gone"},
            json={"query": "{version}"},
        ),
        client.post(
            "/prod/graphql",
            headers=headers,
            json={"query": named},
        ),
    ]
    for answer in answers:
        assert "There is no deployment 'gone'" in answer.text or "DeploymentNotFound" in answer.text
        assert "staging" not in answer.text


def test_a_wrong_method_on_an_address_of_the_server_is_told(
    plane: Plane, client: httpx.Client
) -> None:
    answer = client.delete("/check_snapshot", headers=plane.headers(TokenKind.AGENT))
    assert answer.status_code == 405
    assert "does not take DELETE" in answer.json()["error"]


def test_a_websocket_needs_a_token(plane: Plane) -> None:
    with pytest.raises(InvalidStatus) as caught:
        plane.socket("/prod/graphql", {})
    assert caught.value.response.status_code == 403
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send('{"type": "connection_init"}')
        assert json.loads(socket.recv(10)) == {"type": "connection_ack"}


def test_what_a_websocket_cannot_understand_ends_it(plane: Plane) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send("[]")
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(10)
    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1008
