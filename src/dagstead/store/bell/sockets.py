"""Rings between the processes of a machine, which have datagram sockets in a shared folder.

SQLite does not notify anybody of a change. Polling its ``data_version`` would cost every process
CPU time for ever, and watching a file does not show which topic rang, so that everybody would wake.
A datagram names the topic, arrives whole or not at all, and waits in a queue of the kernel. The
socket of a process that was killed refuses it, and is then removed.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path

from dagstead.store.bell.marks import EVERYTHING, marks_of, messages_of

logger = logging.getLogger(__name__)

_SUFFIX = ".sock"
_MESSAGE_BYTES = 64 * 1024
#: After this many, waiters are rung before more is read.
_MESSAGES_AT_ONCE = 100


class SocketLine:
    """The socket of this process, which sends to all others in the folder."""

    def __init__(self, folder: Path) -> None:
        """Make the socket.

        Args:
            folder: made if it is missing; its parent must be there.
        """
        self._folder = folder
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        #: Processes whose queue was full: they get a ring of everything when it has room again.
        self._owed: set[str] = set()
        folder.mkdir(mode=0o700, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.settimeout(0)
            with _short(folder) as short:
                self._socket.bind(f"{short}/{self._name}")
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._socket.fileno()

    def send(self, marks: Collection[str]) -> bool:
        """Send to all other sockets of the folder, and remove those that no process reads."""
        messages = [message.encode() for message in messages_of(marks)]
        if not messages and not self._owed:
            return True
        with _short(self._folder) as short:
            names = self._found(Path(short))
            self._owed &= names
            for name in names - {self._name}:
                self._deliver(f"{short}/{name}", name, messages)
        return not self._owed

    def receive(self) -> frozenset[str]:
        """The marks that other processes have sent."""
        found: set[str] = set()
        with suppress(BlockingIOError):
            for _ in range(_MESSAGES_AT_ONCE):
                found |= marks_of(self._socket.recv(_MESSAGE_BYTES).decode(errors="replace"))
        return frozenset(found)

    def check(self) -> None:
        """Check that other processes can still find the socket."""
        self._found(self._folder)

    def close(self) -> None:
        """Remove the socket."""
        self._socket.close()
        (self._folder / self._name).unlink(missing_ok=True)

    def _found(self, folder: Path) -> AbstractSet[str]:
        names = {file.name for file in folder.iterdir() if file.name.endswith(_SUFFIX)}
        if self._name not in names:
            msg = f"The socket {self._name} was removed from {str(self._folder)!r}."
            raise FileNotFoundError(msg)
        return names

    def _deliver(self, address: str, name: str, messages: Sequence[bytes]) -> None:
        try:
            for message in [EVERYTHING.encode()] if name in self._owed else messages:
                self._socket.sendto(message, address)
        except BlockingIOError:
            self._owed.add(name)
        except ConnectionRefusedError:
            Path(address).unlink(missing_ok=True)
            self._owed.discard(name)
        except OSError as error:
            # Its process has just ended, or belongs to another user.
            logger.debug("The bell cannot reach %s: %s", name, error)
            self._owed.discard(name)
        else:
            self._owed.discard(name)


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A short path of a folder: the address of a socket has at most 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
