"""One warm worker that waits for its run."""

from __future__ import annotations

import array
import json
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dagstead.serverless.processes import ProcessMark, start_leader
from dagstead.serverless.warm.worker import ASKED_FOR_TOKEN, IMPORTED

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.programs import StartCommand

#: The program of a warm worker. It runs in the interpreter of its location.
WORKER = Path(__file__).with_name("worker.py")
_LENGTH = struct.Struct("!I")
#: The worker may be importing still, and reads nothing meanwhile. An order is some kilobytes.
_HAND_OVER_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOrder:
    """What a warm worker is told."""

    #: The run to execute.
    run_id: str
    #: Of ``python -m dagster``.
    arguments: Sequence[str]
    #: Variables, beside those that it was started with.
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Standby:
    """A process that has imported the code of a location, or is about to."""

    #: Of its process in the sandbox.
    name: str
    process: subprocess.Popen[Any]
    mark: ProcessMark
    #: When it was started, in seconds of a clock that only goes forward.
    started_at: float
    #: Removes what it leaves on this machine.
    clean: Callable[[], None]
    _line: socket.socket
    #: What it has printed.
    _printed: IO[bytes]

    @classmethod
    def start(
        cls, name: str, start: StartCommand, *, now: float, clean: Callable[[], None]
    ) -> Standby:
        """Start one.

        Args:
            name: of its process in the sandbox.
            start: how to start it behind its walls.
            now: the time.
            clean: removes what it leaves.

        Raises:
            OSError: it cannot be started.
        """
        ours, its = socket.socketpair()
        ours.settimeout(_HAND_OVER_SECONDS)
        printed = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was handed over
        try:
            with its:
                process, mark = start_leader(start, printed, reads=its.fileno())
        except BaseException:
            ours.close()
            printed.close()
            raise
        return cls(
            name=name,
            process=process,
            mark=mark,
            started_at=now,
            clean=clean,
            _line=ours,
            _printed=printed,
        )

    @property
    def is_waiting(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def has_imported(self) -> bool:
        """Whether it has imported its code."""
        return self._said() == IMPORTED

    @property
    def needs_token(self) -> bool:
        """Whether its code asks for the token of a run when it is imported."""
        return self._said() == ASKED_FOR_TOKEN

    def _said(self) -> bytes:
        try:
            return self._line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return b""

    def hand_over(self, order: RunOrder, output: IO[bytes]) -> None:
        """Have it execute a run.

        Args:
            order: what to execute.
            output: for all that it prints, from the start.

        Raises:
            OSError: it has ended.
        """
        self._printed.seek(0)
        output.write(self._printed.read())
        output.flush()
        text = json.dumps(asdict(order)).encode()
        descriptors = array.array("i", [output.fileno()])
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)
        self._line.sendmsg([_LENGTH.pack(len(text))], [rights])
        self._line.sendall(text)
        self._line.close()
        self._printed.close()

    def end(self) -> None:
        """Let go of one that is not needed, with all that it has started."""
        self._line.close()
        self._printed.close()
        self.mark.kill()
        self.process.wait()
        self.clean()
