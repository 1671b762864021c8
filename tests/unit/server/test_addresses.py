"""Which address of the server a caller is told to upload to."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import HTTPConnection

from dagstead.plane.tokens import TokenKind
from dagstead.server.own_address import OwnAddress
from tests.unit.server.conftest import Plane

PEX = 'mutation { generateServerlessPexUrl(filenames: ["a.pex"], method: PUT) { url } }'


@pytest.mark.parametrize("host", ["web:3000", "dagstead.example.com", "[::1]:3000"])
def test_callers_are_sent_where_they_have_called(
    plane: Plane, client: httpx.Client, host: str
) -> None:
    user = {**plane.headers(TokenKind.USER), "Host": host}
    agent = {**plane.headers(TokenKind.AGENT), "Host": host}

    upload = client.post("/prod/graphql", json={"query": PEX}, headers=user).json()
    logs = client.post("/prod/gen_artifact_post", json={"key": "a"}, headers=agent).json()

    assert str(upload).count(f"http://{host}/blobs/") == 1
    assert logs["url"].startswith(f"http://{host}/blobs/")


def test_the_public_address_is_for_everybody() -> None:
    own = OwnAddress(base_url="https://dagstead.example.com", is_public=True)

    assert own.of(_connection("web:3000")) == "https://dagstead.example.com"


@pytest.mark.parametrize("host", ["", "a b", "evil.example.com/path", "user@host", "x:y"])
def test_what_is_no_host_is_not_repeated(host: str) -> None:
    own = OwnAddress(base_url="https://dagstead.example.com")

    assert own.of(_connection(host)) == "https://dagstead.example.com"


def _connection(host: str) -> HTTPConnection:
    scope = {
        "type": "http",
        "path": "/",
        "scheme": "http",
        "server": ("127.0.0.1", 3000),
        "query_string": b"",
        "headers": [(b"host", host.encode())],
    }
    return HTTPConnection(scope)
