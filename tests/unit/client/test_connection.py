"""Calling a control plane: what is sent, and what each kind of failure says."""

from __future__ import annotations

import httpx
import pytest

from dagstead.client.connection import Connection, ServerAddress
from dagstead.errors import (
    ConfigurationError,
    ForbiddenError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
)

_TARGET = ServerAddress(url="http://plane.test", token="user:acme:secret", deployment="prod")


def _answering(response: httpx.Response) -> Connection:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Dagster-Cloud-Api-Token"] == "user:acme:secret"
        assert request.headers["Dagster-Cloud-Deployment"] == "prod"
        return response

    return Connection(_TARGET, transport=httpx.MockTransport(answer))


def test_data_is_returned() -> None:
    with _answering(httpx.Response(200, json={"data": {"version": "1"}})) as connection:
        assert connection.graphql("{ version }") == {"version": "1"}


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (
            httpx.Response(401, json={"errors": [{"message": "Unknown."}]}),
            UnauthenticatedError,
            "Unk",
        ),
        (httpx.Response(403, json={"error": "Not yours."}), ForbiddenError, "Not yours."),
        (httpx.Response(400, json={"error": "Too odd."}), RefusedError, "Too odd."),
        (httpx.Response(200, json={"errors": [{"message": "No."}]}), RefusedError, "No."),
        (httpx.Response(200, json={}), UnreachableError, "no data"),
        (httpx.Response(200, json=[1]), UnreachableError, "not an object"),
        (httpx.Response(502, text="<html>"), UnreachableError, "HTTP 502 without JSON"),
    ],
)
def test_a_failure_has_its_class_and_its_words(
    response: httpx.Response, kind: type[Exception], says: str
) -> None:
    with _answering(response) as connection, pytest.raises(kind, match=says):
        connection.graphql("{ version }")


def test_nobody_there_is_said_with_the_address() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    connection = Connection(_TARGET, transport=httpx.MockTransport(refuse))
    with connection, pytest.raises(UnreachableError, match="http://plane.test does not answer"):
        connection.graphql("{ version }")


def test_flags_win_over_variables() -> None:
    variables = {"DAGSTER_CLOUD_URL": "http://a/", "DAGSTER_CLOUD_API_TOKEN": "t"}
    assert ServerAddress.of(variables) == ServerAddress(url="http://a", token="t")
    assert ServerAddress.of(variables, url="http://b", deployment="d").url == "http://b"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "Which control plane"),
        ({"DAGSTER_CLOUD_URL": "plane.test"}, "begins with https://"),
        ({"DAGSTER_CLOUD_URL": "http://a"}, "no token for http://a"),
    ],
)
def test_what_is_missing_is_named(variables: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        ServerAddress.of(variables)


def test_a_token_is_not_in_what_is_printed() -> None:
    assert "secret" not in repr(_TARGET)
