"""A line to a server that can go silent: nothing is refused, and no byte passes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 65_536


class Line:
    """Forwards a port of this machine to another one."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Listen on a free port."""
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Let no more bytes pass. New connections are accepted, and get no answer either."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on what has waited, and all that follows."""
        self._flows.set()

    def close(self) -> None:
        """End the line, with all connections."""
        self._flows.set()
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                self._flows.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port of this machine, which flows at first."""
    line = Line(("127.0.0.1", port))
    try:
        yield line
    finally:
        line.close()
