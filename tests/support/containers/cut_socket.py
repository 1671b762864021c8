"""A daemon's socket that a test can cut off, for whoever uses it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK_BYTES = 1 << 16


class CutSocket:
    """Forwards connections at a path to another socket, while it is not cut."""

    def __init__(self, path: Path, to: Path) -> None:
        """Take both; :meth:`mend` begins."""
        self.path = path
        self._to = to
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def mend(self) -> None:
        """Let everybody in again."""
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self.path.unlink(missing_ok=True)
        with self._guard:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def while_cut(self) -> Iterator[None]:
        """Cut it, and let everybody in again in the end."""
        self.cut()
        try:
            yield
        finally:
            self.mend()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as daemon:
            try:
                daemon.connect(str(self._to))
            except OSError:
                return
            both = {client, daemon}
            with self._guard:
                self._open |= both
            answers = threading.Thread(target=_copy, args=(daemon, client), daemon=True)
            answers.start()
            _copy(client, daemon)
            answers.join()
            with self._guard:
                self._open -= both


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cut_socket(path: Path, to: Path) -> Iterator[CutSocket]:
    """One that works, until somebody cuts it."""
    made = CutSocket(path, to)
    made.mend()
    try:
        yield made
    finally:
        made.cut()
