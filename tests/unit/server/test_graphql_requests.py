"""GraphQL over HTTP and websockets: floods are refused, and hold up nobody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from dagster_cloud.agent.queries import DEPLOYMENTS_QUERY
from websockets.exceptions import ConnectionClosed

from dagstead.engine import webserver
from dagstead.operator_api import screen
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.server.body_limit import MEBIBYTE
from tests.support.graphql_floods import FLOODS, doubling
from tests.unit.server.conftest import Plane

RUN_LOGS = """subscription { pipelineRunLogs(runId: "no-such-run") {
  ... on PipelineRunLogsSubscriptionFailure { missingRunId } } }"""


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[Callable[[], None]]:
    """Make a function of the server wait; gives what waits until it was called."""
    called, go_on = threading.Event(), threading.Event()
    original = getattr(module, name)

    def waiting(*args: Any) -> Any:
        called.set()
        assert go_on.wait(60)
        return original(*args)

    def until_called() -> None:
        assert called.wait(60)

    monkeypatch.setattr(module, name, waiting)
    try:
        yield until_called
    finally:
        go_on.set()


def started(query: str) -> str:
    """The message that asks for an operation over a websocket."""
    return json.dumps({"type": "start", "id": "1", "payload": {"query": query}})


@pytest.mark.parametrize("flood", sorted(FLOODS.keys() - {"characters"}))
def test_a_flood_is_refused_in_the_form_of_graphql(
    plane: Plane, client: httpx.Client, flood: str
) -> None:
    answer = client.post(
        "/prod/graphql", json={"query": FLOODS[flood]}, headers=plane.headers(TokenKind.USER)
    )
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert "The GraphQL document" in answer.json()["errors"][0]["message"]


def test_a_token_of_some_locations_cannot_flood_either(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER, Grant(locations={"weather"}))
    for document, sentence in (
        (doubling(60, "mutation", "Mutation"), "nested more than"),
        (doubling(13, "mutation", "Mutation"), "Cannot query field"),
        (doubling(13, "mutation", "Mutation").replace("version", "pauseRuns"), "may only deploy"),
    ):
        answer = client.post("/prod/graphql", json={"query": document}, headers=headers)
        assert sentence in answer.json()["errors"][0]["message"]


def test_an_agent_cannot_flood_either(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.AGENT)
    for document in FLOODS.values():
        if len(document) < MEBIBYTE // 2:
            answer = client.post("/graphql", json={"query": document}, headers=headers)
            assert list(answer.json()) == ["errors"]
    values = {"query": "{ runs { hasRun } }", "variables": {"a": [1] * 200_001}}
    answer = client.post("/graphql", json=values, headers=headers)
    assert "more than 200000 values" in answer.json()["errors"][0]["message"]


def test_a_wrong_document_is_told_with_its_place(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    for document, message in (("{ version", "Expected Name"), ("{ noSuch }", "Cannot query field")):
        answer = client.post("/prod/graphql", json={"query": document}, headers=headers)
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert message in error["message"]
        assert error["locations"][0]["line"] == 1


def test_an_agent_with_a_user_token_is_corrected(plane: Plane, client: httpx.Client) -> None:
    body = {"query": DEPLOYMENTS_QUERY, "variables": {"deploymentNames": ["prod"]}}
    answer = client.post("/graphql", json=body, headers=plane.headers(TokenKind.USER))

    (error,) = answer.json()["errors"]
    assert "it came with a user token. Create an agent token with" in error["message"]


def test_the_operation_that_is_named_is_executed(plane: Plane, client: httpx.Client) -> None:
    document = "query A { a: version } query B($skip: Boolean!) { b: version @skip(if: $skip) }"
    fields = {"query": document, "operationName": "B"}
    headers = plane.headers(TokenKind.USER)
    posted = client.post(
        "/prod/graphql", json={**fields, "variables": {"skip": False}}, headers=headers
    )
    got = client.get(
        "/prod/graphql", params={**fields, "variables": '{"skip": false}'}, headers=headers
    )
    assert list(posted.json()["data"]) == ["b"]
    assert got.json() == posted.json()
    unnamed = client.post("/prod/graphql", json={"query": document}, headers=headers)
    assert unnamed.status_code == 400
    assert "Must provide operation name" in unnamed.json()["errors"][0]["message"]


def test_the_server_answers_others_while_it_reads_a_request(
    plane: Plane, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = plane.headers(TokenKind.USER)

    def post() -> httpx.Response:
        return client.post("/prod/graphql", json={"query": "{ version }"}, headers=headers)

    with ThreadPoolExecutor() as threads:
        with held(monkeypatch, screen, "read_request") as until_called:
            reading = threads.submit(post)
            until_called()
            assert client.get("/health").status_code == 200
            assert not reading.done()
        assert reading.result(60).json()["data"]["version"]


def test_the_server_answers_others_while_it_reads_a_subscription(
    plane: Plane, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        with held(monkeypatch, webserver, "parse_document") as until_called:
            socket.send(started("subscription { noSuch }"))
            until_called()
            assert client.get("/health").status_code == 200
        assert "Cannot query field" in json.loads(socket.recv(30))["payload"]["message"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("subscription", "Syntax Error"),
        ("mutation { setDeploymentSettings(deploymentSettings: {}) { __typename } }", "ubscri"),
        ("{ version }", "ubscri"),
        ("subscription { a: noSuch }", "Cannot query field"),
        (FLOODS["doubling fields"], "more than"),
        (FLOODS["tokens"], "more than"),
        (FLOODS["nested fields"], "nested"),
    ],
)
def test_a_websocket_takes_subscriptions_only(plane: Plane, document: str, sentence: str) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send(started(document))
        answer = json.loads(socket.recv(30))
    assert answer["type"] == "error"
    assert sentence in answer["payload"]["message"]


def test_a_subscription_is_answered(plane: Plane) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send(started(RUN_LOGS))
        answer = json.loads(socket.recv(30))
    assert answer["type"] == "data"
    failure = answer["payload"]["data"]["pipelineRunLogs"]
    assert failure["missingRunId"] == "no-such-run"


def test_a_long_message_ends_a_websocket(plane: Plane) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send(started(FLOODS["characters"]))
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(30)
    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1009
