"""A web server in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from dagstead.testing import eventually


@contextmanager
def served(server: uvicorn.Server, listener: socket.socket) -> Iterator[None]:
    """Serve what connects to the listener, until the end of the block."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started, 30, "the server to listen")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
