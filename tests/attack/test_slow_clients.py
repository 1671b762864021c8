"""Clients that connect and keep the server waiting, or that send without an end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dagstead.server.connections import ConnectionLimits, bounded_protocol
from dagstead.testing import eventually
from tests.support.served import PromptServer, served

#: As many seconds as others have minutes.
HASTY = ConnectionLimits(
    head_seconds=0.5,
    head_bytes=65_536,
    body_seconds=2.0,
    body_bytes=200,
    idle_seconds=0.5,
    answer_seconds=0.5,
    look_seconds=0.05,
    most=20,
)
PATIENT = replace(HASTY, head_seconds=60, body_seconds=60, idle_seconds=60, answer_seconds=60)

HALF_A_HEAD = b"GET /length HTTP/1.1\r\nHost: x\r\nX-Slow: "
HALF_A_BODY = b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nhalf"
HALF_A_CHUNK = b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf"
WHOLE = b"GET /length HTTP/1.1\r\nHost: x\r\n\r\n"


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _later(_request: Request) -> Response:
    await asyncio.sleep(1.5)
    return PlainTextResponse("now")


async def _much(_request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


@contextmanager
def serving(limits: ConnectionLimits) -> Iterator[tuple[str, int]]:
    """A server with these limits; gives its address."""
    app = Starlette(
        routes=[
            Route("/length", _length, methods=["GET", "POST"]),
            Route("/later", _later),
            Route("/much", _much),
        ]
    )
    config = uvicorn.Config(
        app, http=bounded_protocol(limits), log_config=None, timeout_graceful_shutdown=1
    )
    with (
        socket.create_server(("127.0.0.1", 0), backlog=500) as listener,
        served(PromptServer(config), listener),
    ):
        yield listener.getsockname()


@pytest.fixture(scope="module")
def hasty() -> Iterator[tuple[str, int]]:
    """A server that waits for half a second."""
    with serving(HASTY) as address:
        yield address


def connected(stack: ExitStack, address: tuple[str, int], sends: bytes = b"") -> socket.socket:
    client = stack.enter_context(socket.create_connection(address, timeout=30))
    client.sendall(sends)
    return client


def all_of(client: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    received = b""
    try:
        while piece := client.recv(65_536):
            received += piece
    except ConnectionResetError:
        pass
    return received


@pytest.mark.parametrize(
    ("sends", "hears"),
    [
        (b"", b""),
        (b"G", b"408"),
        (HALF_A_HEAD, b"408"),
        (HALF_A_BODY, b"408"),
        (
            b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf",
            b"408",
        ),
        (WHOLE, b"200"),
        (WHOLE + HALF_A_HEAD, b"200"),
    ],
)
def test_who_sends_a_part_is_sent_away(hasty: tuple[str, int], sends: bytes, hears: bytes) -> None:
    with ExitStack() as stack:
        client = connected(stack, hasty, sends)

        assert hears in all_of(client)[:20]


@pytest.mark.parametrize("begins", [HALF_A_HEAD, HALF_A_BODY])
def test_a_trickle_is_no_progress(hasty: tuple[str, int], begins: bytes) -> None:
    with ExitStack() as stack:
        client = connected(stack, hasty, begins)
        client.settimeout(0.05)

        assert eventually(lambda: _ended_while_trickling(client), 10, "the end of the connection")


def _ended_while_trickling(client: socket.socket) -> bool:
    try:
        client.sendall(b"x")
        return b"408" in client.recv(100)
    except TimeoutError:
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True


def test_an_upload_may_take_as_long_as_it_makes_progress(hasty: tuple[str, int]) -> None:
    pieces = 30
    head = f"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {pieces * 1_000}\r\n\r\n"
    with ExitStack() as stack:
        client = connected(stack, hasty, head.encode())
        client.settimeout(0.1)
        for _ in range(pieces - 1):
            client.sendall(b"x" * 1_000)
            with pytest.raises(TimeoutError):
                # The time of a slow line.
                client.recv(1)
        client.settimeout(30)
        client.sendall(b"x" * 1_000)

        assert client.recv(65_536).endswith(b"30000")


def test_an_answer_may_take_longer_than_a_client(hasty: tuple[str, int]) -> None:
    host, port = hasty
    assert httpx.get(f"http://{host}:{port}/later", trust_env=False).text == "now"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /length HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 10_000,
        b"GET /length HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 500_000,
        b"GET /" + b"x" * 500_000,
    ],
    ids=["many headers", "a long header", "a long address"],
)
def test_a_head_without_an_end_is_not_kept(hasty: tuple[str, int], head: bytes) -> None:
    with ExitStack() as stack:
        client = connected(stack, hasty)
        try:
            client.sendall(head)
        except (BrokenPipeError, ConnectionResetError):
            return

        assert all_of(client)[:20] in {b"HTTP/1.1 431 Request", b""}


def test_who_does_not_read_the_answer_is_sent_away(hasty: tuple[str, int]) -> None:
    with ExitStack() as stack:
        client = connected(stack, hasty, WHOLE.replace(b"/length", b"/much"))
        waiting = eventually(lambda: client.recv(1, socket.MSG_PEEK), 10, "the answer's beginning")
        assert waiting
        assert eventually(lambda: _is_gone(client), 20, "the end of the connection")


def _is_gone(server: socket.socket) -> bool:
    """Whether the other side has closed, seen without reading."""
    try:
        server.sendall(b"x")
    except OSError:
        return True
    return False


@pytest.mark.parametrize("begins", [b"", HALF_A_HEAD, HALF_A_BODY, WHOLE])
def test_the_silent_make_room_for_others(begins: bytes) -> None:
    with serving(PATIENT) as (host, port), ExitStack() as stack:
        silent = [connected(stack, (host, port), begins) for _ in range(60)]
        for _ in range(5):
            answer = httpx.get(f"http://{host}:{port}/length", trust_env=False, timeout=5)
            assert answer.status_code == 200
        for client in silent[:40]:
            all_of(client)


def test_who_is_being_answered_is_never_sent_away() -> None:
    with serving(replace(PATIENT, most=5)) as address, ExitStack() as stack:
        served_ones = [
            connected(stack, address, WHOLE.replace(b"/length", b"/later")) for _ in range(5)
        ]
        eventually(lambda: b"503" in all_of(connected(stack, address, WHOLE)), 10, "a full server")

        for client in served_ones:
            assert client.recv(65_536).endswith(b"now")
