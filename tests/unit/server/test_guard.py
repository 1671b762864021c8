"""What a caller is told, and a log holds, when something below fails."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from dagstead.errors import (
    BusyError,
    ConflictError,
    DagsteadError,
    StoreAwayError,
    WriteFailedError,
)
from dagstead.server.guard import GuardMiddleware
from dagstead.server.replies import reply, status_of


def call(
    endpoint: Callable[[Request], Awaitable[Response]], path: str = "/x"
) -> tuple[int, dict[str, Any] | str]:
    """Status and body of a request to an application with this one endpoint."""
    guarded = GuardMiddleware(Starlette(routes=[Route("/{path:path}", endpoint)]))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"signature=abc&a=b",
        "headers": [],
    }
    asyncio.run(guarded(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent).decode()
    assert [message["type"] for message in sent].count("http.response.start") == 1
    status: int = sent[0]["status"]
    return status, json.loads(body) if body.startswith("{") else body


async def failing(_request: Request) -> Response:
    message = "the database's password is 1234"
    raise ValueError(message)


def test_a_fault_is_told_by_a_reference_that_the_log_has(
    caplog: pytest.LogCaptureFixture,
) -> None:
    status, body = call(failing)
    assert status == 500
    assert isinstance(body, dict)
    assert "1234" not in body["error"]
    reference = body["error"].split()[-1].rstrip(".")
    assert f"Reference {reference}" in caplog.text
    assert "ValueError: the database's password is 1234" in caplog.text


def test_a_fault_on_a_graphql_path_has_the_form_of_graphql() -> None:
    _, body = call(failing, "/prod/graphql")
    assert isinstance(body, dict)
    assert list(body) == ["errors"]


@pytest.mark.parametrize("path", ["/graphql", "/prod/graphql", "/store_events"])
@pytest.mark.parametrize(
    "error", [StoreAwayError(), OSError(errno.ENOSPC, "No space left on /secret")]
)
def test_a_store_away_is_to_be_asked_again(
    path: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def asking(_request: Request) -> Response:
        raise error

    status, body = call(asking, path)
    assert status == 503
    assert isinstance(body, dict)
    assert list(body) == ["error"]
    assert "secret" not in body["error"]
    assert f"asked by {path}" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_busy_answer_without_a_time_leaves_it_to_the_client() -> None:
    answer = reply(WriteFailedError(), {"type": "http", "path": "/graphql"})
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


def test_an_answer_of_status_500_is_passed_on() -> None:
    async def told(_request: Request) -> Response:
        return PlainTextResponse("told so", status_code=HTTPStatus.INTERNAL_SERVER_ERROR)

    assert call(told) == (500, "told so")


def test_a_refusal_that_nobody_caught_is_answered() -> None:
    async def refusing(_request: Request) -> Response:
        message = "That exists."
        raise ConflictError(message)

    assert call(refusing) == (400, {"error": "That exists."})


def test_the_log_has_a_line_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def well(_request: Request) -> Response:
        return PlainTextResponse("well")

    call(well, "/blobs/x")
    assert "GET /blobs/x 200" in caplog.text
    assert "signature" not in caplog.text


def every_error() -> list[type[DagsteadError]]:
    found = [DagsteadError]
    for kind in found:
        found.extend(kind.__subclasses__())
    return found


@pytest.mark.parametrize("kind", every_error())
def test_only_a_store_that_is_away_is_answered_by_what_clients_repeat_blindly(
    kind: type[DagsteadError],
) -> None:
    assert (status_of(kind) in {409, 502, 503}) == issubclass(kind, StoreAwayError)
    if issubclass(kind, BusyError):
        # It replaces the pauses of official clients, which grow to 63 seconds in all.
        assert kind.retry_after_seconds is None or kind.retry_after_seconds >= 10


def test_a_busy_answer_says_when_to_come_back() -> None:
    answer = reply(BusyError(), {"type": "http", "path": "/graphql"})
    assert (answer.status_code, answer.headers["retry-after"]) == (
        429,
        str(BusyError.retry_after_seconds),
    )
    assert b"errors" not in answer.body


async def talking(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("one")
    await socket.send_text("two")


async def speaking_after_the_end(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()
    await socket._send({"type": "websocket.send", "text": "too late"})


def talk(endpoint: Callable[[WebSocket], Awaitable[None]]) -> list[str]:
    """The messages of a socket whose server closes it by itself before the second text.

    As uvicorn does, which answers a frame that breaks the protocol, and takes nothing after that.
    """
    guarded = GuardMiddleware(Starlette(routes=[WebSocketRoute("/x", endpoint)]))
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        if "websocket.send" in sent or "websocket.close" in sent:
            msg = f"Unexpected ASGI message '{message['type']}', after sending 'websocket.close'."
            raise RuntimeError(msg)
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/x", "query_string": b"", "headers": []}
    asyncio.run(guarded(scope, receive, send))
    return sent


def test_a_socket_that_its_server_has_closed_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    assert talk(talking) == ["websocket.accept", "websocket.send"]
    assert caplog.records == []


def test_a_message_after_our_own_end_is_a_fault(caplog: pytest.LogCaptureFixture) -> None:
    assert talk(speaking_after_the_end) == ["websocket.accept", "websocket.close"]
    assert "Reference" in caplog.text
