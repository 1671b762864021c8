"""What pages of other sites can make a browser send changes nothing, nor does a GET of anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from dagstead.plane.tokens import TokenKind
from dagstead.server.sessions import COOKIE
from tests.unit.server.conftest import Plane

SET = """setDeploymentSettings(deploymentSettings: {settings: {run_retries: {max_retries: 7}}}) {
  __typename }"""
CHANGES = {
    "mutation": {"query": f"mutation {{ {SET} }}"},
    "mutation in a fragment": {
        "query": f"mutation {{ ...F }} fragment F on Mutation {{ {SET} }}",
    },
    "mutation by its name": {
        "query": f"query A {{ version }} mutation B {{ {SET} }}",
        "operationName": "B",
    },
    "subscription": {"query": 'subscription { capturedLogs(logKey: ["a"]) { cursor } }'},
}
QUERY = {"query": "{ version }"}
#: What ``$`` of a regular expression takes for the end of the path.
LINE_END = "/prod/graphql%0A"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Way:
    """A method, and where the document stands."""

    method: str
    media_type: str = ""
    in_body: bool = False
    path: str = "/prod/graphql"
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(
        self, client: httpx.Client, asked: Mapping[str, str], headers: Mapping[str, str]
    ) -> httpx.Response:
        """The answer to a request of this kind."""
        content: str | None = None
        if self.in_body:
            content = asked["query"] if "graphql" in self.media_type else json.dumps(asked)
        media_type = {"content-type": self.media_type} if self.media_type else {}
        return client.request(
            self.method,
            self.path,
            params=None if self.in_body else asked,
            content=content,
            headers={**headers, **media_type, **self.headers},
        )


#: Everywhere that open-source Dagster looks for a document, but for JSON that is posted; and where
#: it looks for none.
WAYS = {
    "GET": Way("GET"),
    "GET without a deployment": Way("GET", path="/graphql"),
    "GET of the organization": Way("GET", path="/dagstead/prod/graphql"),
    "GET with a line's end": Way("GET", path=LINE_END),
    "GET with a JSON body": Way("GET", "application/json", in_body=True),
    "GET for GraphiQL": Way("GET", headers={"accept": "text/html"}),
    "HEAD": Way("HEAD"),
    "POST with an address": Way("POST"),
    "POST of a form": Way("POST", FORM),
    "POST with a line's end": Way(
        "POST", "application/json", in_body=True, path="/prod/graphql%0A"
    ),
    "POST of text that says JSON": Way("POST", "text/plain; application/json", in_body=True),
    "POST of text": Way("POST", "text/plain", in_body=True),
    "POST of GraphQL": Way("POST", "application/graphql", in_body=True),
    "PUT": Way("PUT", "application/json", in_body=True),
}


@pytest.fixture(scope="module")
def cookie(plane: Plane) -> str:
    """What a user's browser has after signing in."""
    origin = {"origin": plane.settings.base_url}
    _, secret = plane.token(TokenKind.USER)
    answer = httpx.post(
        f"{plane.settings.base_url}/sign-in", data={"token": secret}, headers=origin, verify=False
    )
    assert answer.status_code == 303
    return answer.cookies[COOKIE]


@pytest.fixture
def unchanged(plane: Plane) -> Iterator[None]:
    """The deployment's settings stay as they are."""
    plane.store.deployments.set_settings("prod", {})
    yield
    assert plane.store.deployments.get("prod").settings == {}


@pytest.fixture
def signed_in(client: httpx.Client, cookie: str) -> httpx.Client:
    """A browser with the cookie of a user."""
    client.cookies[COOKIE] = cookie
    return client


def origin(plane: Plane) -> dict[str, str]:
    return {"origin": plane.settings.base_url, "sec-fetch-site": "same-origin"}


def data(answer: httpx.Response) -> Any:
    is_json = "json" in answer.headers.get("content-type", "") and answer.content
    return answer.json().get("data") if is_json else None


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_a_token_changes_nothing_but_by_json_that_is_posted(
    plane: Plane, client: httpx.Client, way: str, change: str
) -> None:
    answer = WAYS[way].send(client, CHANGES[change], plane.headers(TokenKind.USER))
    assert data(answer) is None
    assert answer.status_code >= 400 or answer.text.lstrip().startswith("<!")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_nor_does_our_own_page(
    plane: Plane, signed_in: httpx.Client, way: str, change: str
) -> None:
    assert data(WAYS[way].send(signed_in, CHANGES[change], origin(plane))) is None


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("way", [*WAYS.values(), Way("POST", "application/json", in_body=True)])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
def test_the_cookie_asks_nothing_for_another_page(
    signed_in: httpx.Client, way: Way, headers: dict[str, str]
) -> None:
    for asked in (*CHANGES.values(), QUERY):
        assert data(way.send(signed_in, asked, headers)) is None, asked


def test_a_refusal_says_how_to_send_it(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    got = WAYS["GET"].send(client, CHANGES["mutation"], headers)
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert "not taken from the address" in got.json()["errors"][0]["message"]
    posted = WAYS["POST of GraphQL"].send(client, CHANGES["mutation"], headers)
    assert posted.status_code == 415
    assert "Send mutations by POST as JSON" in posted.json()["errors"][0]["message"]


def test_the_same_mutation_changes_something_as_posted_json(
    plane: Plane, signed_in: httpx.Client
) -> None:
    for change in ("mutation", "mutation in a fragment", "mutation by its name"):
        plane.store.deployments.set_settings("prod", {})
        answer = signed_in.post("/prod/graphql", json=CHANGES[change], headers=origin(plane))
        assert answer.json()["data"]["setDeploymentSettings"]["__typename"] == "DeploymentSettings"
        assert plane.store.deployments.get("prod").settings == {"run_retries": {"max_retries": 7}}
    plane.store.deployments.set_settings("prod", {})


@pytest.mark.parametrize(
    "way",
    [
        WAYS["GET"],
        WAYS["POST of a form"],
        WAYS["POST of GraphQL"],
        WAYS["GET without a deployment"],
    ],
)
def test_a_query_is_answered_wherever_it_stands(
    plane: Plane, client: httpx.Client, way: Way
) -> None:
    assert data(way.send(client, QUERY, plane.headers(TokenKind.USER)))["version"]


def test_our_own_page_may_get_a_query(signed_in: httpx.Client) -> None:
    same = {"sec-fetch-site": "same-origin"}
    assert data(WAYS["GET"].send(signed_in, QUERY, same))["version"]


@pytest.mark.parametrize("path", ["/prod/runs", "/prod/assets/graphql", "/prod/graphql"])
def test_links_on_other_sites_open_pages(signed_in: httpx.Client, path: str) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "accept": "text/html"}
    answer = signed_in.get(path, params=CHANGES["mutation"], headers=link)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<!")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_agent_posts_too(plane: Plane, client: httpx.Client, method: str) -> None:
    """The agents' documents stand in the body, which a GET may have as well."""
    headers = plane.headers(TokenKind.AGENT)
    answer = client.request(method, "/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert answer.status_code == 405
    posted = client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert posted.json() == {"data": {"__typename": "Query"}}
