"""What a token or a session has opened ends with it, sockets and their subscriptions too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection

from dagstead.control.actor import COMMAND_LINE
from dagstead.errors import StoreAwayError, UnauthenticatedError
from dagstead.plane.tokens import Grant, Token, TokenKind
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.sockets import POLICY_VIOLATION, WatchedSocket, close_reason
from dagstead.store.bell.listeners import ProcessListener
from tests.support.browsers import own_page, sign_in
from tests.support.tokens import token_of
from tests.unit.server.conftest import Plane

SUBSCRIBE = {
    "type": "start",
    "id": "1",
    "payload": {"query": 'subscription { capturedLogs(logKey: ["a"]) { cursor } }'},
}

End = Callable[[Plane, httpx.Client, Token], object]

#: Everything that ends a session.
ENDS: Mapping[str, End] = {
    "sign-out": lambda _plane, client, _token: client.post("/sign-out", headers=own_page(client)),
    "another sign-in": lambda plane, client, token: client.post(
        "/sign-in",
        data={"token": plane.token(TokenKind.USER)[1], "replaces": str(token.id)},
        headers=own_page(client),
    ),
    "revocation": lambda plane, _client, token: plane.control.tokens.revoke(COMMAND_LINE, token.id),
    "signing others out": lambda plane, _client, token: plane.control.sign_ins.end_all(
        COMMAND_LINE, token.id
    ),
}


@contextmanager
def opened(plane: Plane, headers: Mapping[str, str]) -> Iterator[ClientConnection]:
    """A socket with a subscription."""
    with plane.socket("/prod/graphql", headers) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(socket.recv(20)) == {"type": "connection_ack"}
        socket.send(json.dumps(SUBSCRIBE))
        assert json.loads(socket.recv(20))["type"] == "data"
        yield socket


def assert_closed(socket: ClientConnection) -> None:
    with pytest.raises(ConnectionClosedError):
        for _ in socket:
            pass
    assert socket.close_code == POLICY_VIOLATION


@pytest.mark.parametrize("end", ENDS)
def test_a_socket_ends_with_its_session(plane: Plane, client: httpx.Client, end: str) -> None:
    token, secret = plane.token(TokenKind.USER)
    headers = {"origin": plane.settings.base_url, **sign_in(client, secret)}
    with opened(plane, headers) as socket:
        ENDS[end](plane, client, token)
        assert_closed(socket)


def test_a_socket_of_a_program_ends_with_its_token(plane: Plane) -> None:
    token, secret = plane.token(TokenKind.USER)
    with opened(plane, {TOKEN_HEADER: secret}) as socket:
        plane.control.tokens.revoke(COMMAND_LINE, token.id)
        assert_closed(socket)


def test_nothing_is_asked_over_a_socket_after_the_token_expired(plane: Plane) -> None:
    _, secret = plane.token(TokenKind.USER, Grant(expires_at=plane.clock() + 60))
    with opened(plane, {TOKEN_HEADER: secret}) as socket:
        plane.clock.advance(61)
        socket.send(json.dumps({**SUBSCRIBE, "id": "2"}))
        assert_closed(socket)


def test_the_sockets_of_others_stay_open(plane: Plane) -> None:
    _, mine = plane.token(TokenKind.USER)
    theirs, _ = plane.token(TokenKind.USER)
    with opened(plane, {TOKEN_HEADER: mine}) as socket:
        plane.control.tokens.revoke(COMMAND_LINE, theirs.id)
        socket.send(json.dumps({**SUBSCRIBE, "id": "2"}))
        assert json.loads(socket.recv(20))["type"] == "data"


class Caller:
    """A connection without a network, whose browser sends nothing more."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.looks = 0
        self.sent: list[Any] = []
        self.seen: list[Any] = []

    async def recognise(self) -> Token:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return token_of(TokenKind.USER)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def receive(self) -> Any:
        await asyncio.Event().wait()

    async def application(self, _scope: Any, receive: Any, send: Any) -> None:
        self.seen += [await receive(), await receive()]
        await send({"type": "websocket.send", "text": "one more"})


def serve(caller: Caller, seconds: float) -> None:
    async def served() -> None:
        socket = WatchedSocket(caller.receive, caller.send, caller.recognise, look_seconds=0.01)
        async with asyncio.timeout(seconds):
            await socket.serve(caller.application, {}, ProcessListener())

    asyncio.run(served())


def test_a_token_is_looked_at_while_nothing_happens() -> None:
    caller = Caller(UnauthenticatedError("It was revoked."))
    serve(caller, 20)
    assert [each["type"] for each in caller.seen] == ["websocket.disconnect"] * 2
    assert caller.sent == [
        {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "It was revoked."}
    ]


@pytest.mark.parametrize("error", [None, StoreAwayError()])
def test_a_socket_stays_open_while_nothing_says_that_it_ended(error: Exception | None) -> None:
    caller = Caller(error)
    with pytest.raises(TimeoutError):
        serve(caller, 0.5)
    assert caller.looks > 2
    assert caller.sent == []


def test_a_reason_fits_into_its_frame() -> None:
    assert close_reason("é" * 100) == "é" * 61
    assert close_reason("It was revoked.") == "It was revoked."
