"""A request is read where its document stands, and in one place."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import DocumentNode, GraphQLError
from starlette.requests import Request

from dagstead.errors import InvalidInputError, TooLargeError
from dagstead.operator_api.request import DocumentPlace, read_request
from tests.support.graphql_floods import FLOODS

ASKED = {"query": "query A { version } query B { version }", "operationName": "B"}
IN_ADDRESS = {**ASKED, "variables": '{"n": 1}'}
AS_JSON = json.dumps({**ASKED, "variables": {"n": 1}}).encode()


def request(method: str, media_type: str = "", **parameters: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/prod/graphql",
            "query_string": urlencode(parameters).encode(),
            "headers": [(b"content-type", media_type.encode())],
        }
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("media_type", ["", "application/x-www-form-urlencoded", "text/plain"])
def test_a_document_in_the_address(method: str, media_type: str) -> None:
    read = read_request(request(method, media_type, **IN_ADDRESS), b"")
    assert (read.method, read.place, read.text) == (method, DocumentPlace.URL, ASKED["query"])
    assert (read.operation_name, read.variables) == ("B", {"n": 1})
    assert isinstance(read.document, DocumentNode)


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_a_json_body_counts_and_the_address_does_not(media_type: str) -> None:
    read = read_request(request("POST", media_type, query="mutation { a }"), AS_JSON)
    assert (read.place, read.text) == (DocumentPlace.JSON, ASKED["query"])
    assert (read.operation_name, read.variables) == ("B", {"n": 1})


def test_a_body_of_graphql_is_the_document() -> None:
    read = read_request(request("POST", "application/graphql", **IN_ADDRESS), b"{ a }")
    assert (read.place, read.text) == (DocumentPlace.TEXT, "{ a }")
    assert (read.operation_name, read.variables) == (None, {})


def test_a_type_that_any_site_may_send_is_not_json() -> None:
    sent = request("POST", "text/plain; application/json", query="{ a }")
    assert read_request(sent, AS_JSON).place is DocumentPlace.URL


def test_what_is_no_graphql_is_kept_as_its_error() -> None:
    assert isinstance(read_request(request("GET", query="{"), b"").document, GraphQLError)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "no GraphQL document"),
        ({"query": "{a}", "variables": "{"}, "not JSON"),
        ({"query": "{a}", "variables": "[1]"}, "'variables' must be an object"),
        ({"query": "{a}", "variables": "[" * 100_000}, "not JSON"),
    ],
)
def test_a_malformed_address_is_refused(parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        read_request(request("GET", **parameters), b"")


@pytest.mark.parametrize("flood", FLOODS)
def test_floods_are_refused_wherever_they_stand(flood: str) -> None:
    text = FLOODS[flood]
    body = json.dumps({"query": text}).encode()
    for sent, content in (
        (request("GET", query=text), b""),
        (request("POST", "application/json"), body),
        (request("POST", "application/graphql"), text.encode()),
    ):
        with pytest.raises(TooLargeError):
            read_request(sent, content)


def test_a_body_of_too_many_values_is_refused() -> None:
    body = json.dumps({"query": "{a}", "variables": {"a": [{}] * 200_001}}).encode()
    with pytest.raises(TooLargeError, match="values"):
        read_request(request("POST", "application/json"), body)
