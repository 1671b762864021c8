"""Containers reach a control plane on the loopback through the pool."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from dagstead.serverless.docker.relay import Relay
from tests.support.ports import free_port

#: Another address of this machine than the one that is forwarded to.
_GATEWAY = "127.0.0.9"
_LOOPBACK = "127.0.0.1"


@pytest.fixture
def control_plane() -> Iterator[int]:
    """A port that sends back what it gets, once its caller has sent all of it."""
    listener = socket.create_server((_LOOPBACK, 0))

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller, caller.makefile("rb") as received:
                caller.sendall(received.read())

    threading.Thread(target=serve, daemon=True).start()
    with closing(listener):
        yield int(listener.getsockname()[1])


def asked(port: int, words: bytes) -> bytes:
    with socket.create_connection((_GATEWAY, port), timeout=30) as caller:
        caller.sendall(words)
        caller.shutdown(socket.SHUT_WR)
        with caller.makefile("rb") as received:
            return received.read()


def test_all_that_is_sent_arrives_in_both_directions(control_plane: int) -> None:
    Relay(host=_GATEWAY, port=control_plane, to_host=_LOOPBACK, to_port=control_plane).start()

    words = b"0123456789" * 300_000
    assert asked(control_plane, words) == words
    assert asked(control_plane, b"again") == b"again"


def test_a_caller_is_let_go_while_the_control_plane_is_away() -> None:
    port = free_port()
    Relay(host=_GATEWAY, port=port, to_host=_LOOPBACK, to_port=port).start()

    assert asked(port, b"") == b""


def test_it_leaves_an_address_alone_where_somebody_listens() -> None:
    with closing(socket.create_server((_GATEWAY, 0))) as listener:
        port = int(listener.getsockname()[1])

        Relay(host=_GATEWAY, port=port, to_host=_LOOPBACK, to_port=port).start()


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(OSError, match="assign"):
        Relay(host="192.0.2.1", port=free_port(), to_host=_LOOPBACK, to_port=1).start()
