"""The line of the tests, which faults disturb."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.support.stalled_line import Line, line_to


@dataclass(frozen=True)
class Echo:
    """A line to a server that this test plays itself."""

    line: Line
    server: socket.socket

    def connect(self) -> socket.socket:
        near = socket.create_connection(("127.0.0.1", self.line.port))
        near.settimeout(10)
        return near

    def accept(self) -> socket.socket:
        far, _ = self.server.accept()
        far.settimeout(10)
        return far


@pytest.fixture
def echo() -> Iterator[Echo]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        with line_to(server.getsockname()[1]) as line:
            yield Echo(line, server)


def test_what_waited_on_a_stalled_line_arrives_afterwards(echo: Echo) -> None:
    with closing(echo.connect()) as near, closing(echo.accept()) as far:
        echo.line.stall()
        near.sendall(b"question")
        far.settimeout(0)
        with pytest.raises(BlockingIOError):
            far.recv(100)
        far.settimeout(10)
        echo.line.flow()
        assert far.recv(100) == b"question"


def test_a_lost_answer_was_asked_for_and_the_next_one_arrives(echo: Echo) -> None:
    echo.line.lose(1)
    with closing(echo.connect()) as near, closing(echo.accept()) as far:
        near.sendall(b"first")
        assert far.recv(100) == b"first"
        far.sendall(b"answer")
        assert near.recv(100) == b""
    with closing(echo.connect()) as near, closing(echo.accept()) as far:
        far.sendall(b"answer")
        assert near.recv(100) == b"answer"


def test_a_cut_line_ends_connections_until_it_is_mended(echo: Echo) -> None:
    with closing(echo.connect()) as near, closing(echo.accept()) as far:
        echo.line.cut()
        assert (near.recv(100), far.recv(100)) == (b"", b"")
    with closing(echo.connect()) as near:
        assert near.recv(100) == b""
    echo.line.mend()
    with closing(echo.connect()) as near, closing(echo.accept()) as far:
        near.sendall(b"again")
        assert far.recv(100) == b"again"


def test_a_line_outlives_its_server(echo: Echo) -> None:
    address = echo.server.getsockname()
    echo.server.close()
    with closing(echo.connect()) as near:
        assert near.recv(100) == b""
    with socket.create_server(address) as server:
        server.settimeout(10)
        with closing(echo.connect()) as near:
            far, _ = server.accept()
            with closing(far):
                near.sendall(b"again")
                assert far.recv(100) == b"again"
