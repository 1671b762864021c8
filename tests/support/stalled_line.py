"""A line to a server that can go silent, break, lose answers, or be slow."""

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
        self._closed = threading.Event()
        self._is_cut = False
        self._to_lose = 0
        self._late_seconds = 0.0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        """Let no more bytes pass. New connections are accepted, and get no answer either."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on what has waited, and all that follows."""
        self._flows.set()

    def cut(self) -> None:
        """End all connections, and every new one at once, until ``mend``."""
        with self._lock:
            self._is_cut = True
            ended = list(self._sockets)
        _end(*ended)

    def mend(self) -> None:
        """Accept connections again."""
        self._is_cut = False

    def lose(self, answers: int) -> None:
        """Pass on requests, but end the connections of the next answers instead of these."""
        with self._lock:
            self._to_lose = answers

    def be_late(self, seconds: float) -> None:
        """Hold back all that comes from the server for some seconds."""
        self._late_seconds = seconds

    def close(self) -> None:
        """End the line, with all connections."""
        self._closed.set()
        self._flows.set()
        _end(self._listener)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        try:
            far = None if self._is_cut else socket.create_connection(self._target)
        except OSError:
            far = None
        if far is None:
            near.close()
            return
        with self._lock:
            self._sockets |= {near, far}
            # It may have been cut while this one was made.
            if self._is_cut:
                _end(near, far)
        for pump, arguments in ((self._requests, (near, far)), (self._answers, (far, near))):
            threading.Thread(target=pump, args=arguments, daemon=True).start()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(_CHUNK):
                self._flows.wait()
                far.sendall(data)
        self._forget(near, far)

    def _answers(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(_CHUNK):
                self._flows.wait()
                if self._closed.wait(self._late_seconds) or self._loses():
                    break
                near.sendall(data)
        self._forget(far, near)

    def _loses(self) -> bool:
        with self._lock:
            if not self._to_lose:
                return False
            self._to_lose -= 1
            return True

    def _forget(self, read: socket.socket, written: socket.socket) -> None:
        """Have the other direction end, too; each closes the end that it has read."""
        _end(read, written)
        with self._lock:
            self._sockets.discard(read)
        read.close()


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a port of this machine, which flows at first."""
    line = Line(("127.0.0.1", port))
    try:
        yield line
    finally:
        line.close()
