"""Bodies that are too large, or of no form at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dagstead.control.memory import MemoryBudget
from dagstead.plane.tokens import TokenKind
from dagstead.server.body_limit import MEBIBYTE
from tests.unit.server.conftest import Plane

JSON = {"content-type": "application/json"}

#: All but those who only read metrics.
SENDERS = [kind for kind in TokenKind if kind is not TokenKind.METRICS]


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 65536):
        yield b"x" * 65536


def test_a_large_body_is_413_by_what_it_announces(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    answer = client.post("/prod/graphql", content=b"x" * (2 * MEBIBYTE), headers=headers)
    assert answer.status_code == 413
    assert "larger than 1 MiB" in answer.json()["error"]


#: Tokens for metrics send no bodies: they are refused before.
SENDERS = [kind for kind in TokenKind if kind is not TokenKind.METRICS]


@pytest.mark.parametrize("path", ["/graphql", "/upload_api_response"])
@pytest.mark.parametrize("kind", SENDERS)
def test_a_large_body_is_413_by_what_comes(
    plane: Plane, client: httpx.Client, path: str, kind: TokenKind
) -> None:
    """The agent sends a smaller heartbeat after a real 413 whose body has no `errors`."""
    if path == "/upload_api_response" and kind in {TokenKind.USER, TokenKind.WORKER}:
        path = "/prod/graphql" if kind is TokenKind.USER else "/store_events"
    method = "PUT" if path == "/upload_api_response" else "POST"
    answer = client.request(
        method, path, content=pieces(2 * MEBIBYTE), headers={**plane.headers(kind), **JSON}
    )
    assert answer.status_code == 413
    assert "errors" not in answer.json()


def test_a_body_of_the_allowed_size_goes_through(plane: Plane, client: httpx.Client) -> None:
    padding = " " * (MEBIBYTE - 1000)
    answer = client.post(
        "/prod/graphql",
        json={"query": "{version}" + padding},
        headers=plane.headers(TokenKind.USER),
    )
    assert answer.status_code == 200


def test_stored_files_have_a_limit_of_their_own(client: httpx.Client) -> None:
    answer = client.put("/blobs/pex/_/x", content=b"x" * (2 * MEBIBYTE))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", "one JSON object"),
        (b"null", "one JSON object"),
        (b"{}", "no text under 'query'"),
        (b'{"query": 3}', "no text under 'query'"),
        (b'{"query": "{version}", "variables": [1]}', "'variables' must be an object"),
        (b'{"query": "{version}", "operationName": 1}', "'operationName' must be text"),
        (b"[" * 100_000, "not JSON"),
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/prod/graphql"])
def test_a_malformed_request_is_told_what_is_wrong(
    plane: Plane, client: httpx.Client, path: str, content: bytes, sentence: str
) -> None:
    headers: dict[str, Any] = {**plane.headers(TokenKind.USER), **JSON}
    answer = client.post(path, content=content, headers=headers)
    assert answer.status_code == 400
    assert sentence in answer.json()["errors"][0]["message"]


def test_other_content_types_are_checked_too(plane: Plane, client: httpx.Client) -> None:
    headers = {**plane.headers(TokenKind.USER), "content-type": "application/graphql"}
    assert client.post("/prod/graphql", content=b"{version}", headers=headers).json()["data"]
    assert client.post("/prod/graphql", content=b"\xff", headers=headers).status_code == 400


def test_a_request_without_a_body_is_answered(plane: Plane, client: httpx.Client) -> None:
    for path in ("/graphql", "/prod/graphql"):
        answer = client.post(path, headers=plane.headers(TokenKind.USER))
        assert answer.status_code == 400


def test_the_health_check_needs_no_token(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["database"]) == (200, {"ok": True})


@pytest.mark.parametrize("path", ["/sign-in", "/oidc/token"])
def test_who_has_no_token_cannot_send_much(client: httpx.Client, path: str) -> None:
    assert client.post(path, content=b"x" * 65_537).status_code == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(path, content=pieces(500_000), headers=form).status_code == 413


def test_large_bodies_share_the_memory_and_small_ones_pass(
    plane: Plane, client: httpx.Client
) -> None:
    limit = plane.app.user_middleware[-1].kwargs
    memory = limit["memory"]
    assert isinstance(memory, MemoryBudget)
    memory.take(memory.total)
    try:
        for kind in SENDERS:
            large = client.post("/graphql", content=b"x" * 500_000, headers=plane.headers(kind))
            assert (large.status_code, large.headers["Retry-After"]) == (429, "12")
            assert "errors" not in large.json()
        small = client.post(
            "/prod/graphql", json={"query": "{version}"}, headers=plane.headers(TokenKind.USER)
        )
        assert small.status_code == 200
    finally:
        memory.give_back(memory.total)
    large = client.post(
        "/prod/graphql",
        json={"query": "{version}" + " " * 500_000},
        headers=plane.headers(TokenKind.USER),
    )
    assert (large.status_code, memory.lent) == (200, 0)
