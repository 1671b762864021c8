"""What clients send over websockets that is not of the protocol, or too much of it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from dagstead.engine import sockets
from dagstead.plane.tokens import TokenKind
from tests.unit.server.conftest import Plane

QUERY = "subscription { capturedLogs(logKey: []) { stdout } }"
START = {"type": "start", "id": "1", "payload": {"query": QUERY}}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[" * 50_000,
        "[]",
        "null",
        b"bytes",
        json.dumps({**START, "id": None}),
        json.dumps({**START, "id": {}}),
        json.dumps({"type": "start", "id": "1"}),
        json.dumps({**START, "payload": []}),
        json.dumps({**START, "payload": {"query": 1}}),
        json.dumps({**START, "payload": {"query": QUERY, "variables": [1]}}),
        json.dumps({**START, "payload": {"query": QUERY, "operationName": 1}}),
        json.dumps({**START, "payload": {"query": QUERY, "variables": {"a": "\0"}}}),
    ],
    ids=str,
)
def test_who_sends_something_else_is_sent_away(
    plane: Plane, message: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "message", [{"type": "stop"}, {"type": "stop", "id": []}, {"type": "new"}, {"type": [1]}, {}]
)
def test_what_means_nothing_is_ignored(plane: Plane, message: dict[str, Any]) -> None:
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        socket.send(json.dumps(message))
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(timeout=20)) == {"type": "connection_ack"}


def test_a_socket_has_so_many_subscriptions(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_OF_A_SOCKET", 2)
    answered = _starts(plane, 3)
    assert [each["id"] for each in answered if each["type"] == "error"] == ["2"]
    assert "the most" in answered[-1]["payload"]["message"]


def test_a_token_has_so_many_subscriptions(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_OF_A_TOKEN", 2)
    for _ in range(2):
        # Those of the first socket end with it.
        answered = _starts(plane, 3)
        assert [each["id"] for each in answered if each["type"] == "error"] == ["2"]


def _starts(plane: Plane, count: int) -> list[dict[str, Any]]:
    """What comes for subscriptions that last, to the refusal of the last one."""
    query = 'subscription { capturedLogs(logKey: ["a", "b"]) { cursor } }'
    answered: list[dict[str, Any]] = []
    with plane.socket("/prod/graphql", plane.headers(TokenKind.USER)) as socket:
        for number in range(count):
            start = {**START, "id": str(number), "payload": {"query": query}}
            socket.send(json.dumps(start))
        while not any(each["type"] == "error" for each in answered):
            answered.append(json.loads(socket.recv(timeout=120)))
    return answered
