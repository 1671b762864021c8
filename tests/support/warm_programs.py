"""Official command lines as forks of a process that has them imported.

Importing them takes most of the time of a command. What runs is the same code, in a process of its
own; workflows that are played start the programs themselves.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.environments import Environment

_FORKED_PROGRAMS = Path(__file__).parent / "programs" / "forked_programs.py"
_PROGRAMS = ("dagster-cloud", "dg")
_END_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class WarmPrograms:
    """The command lines of one environment; they end with this process."""

    environment: Environment
    _control: socket.socket
    _process: subprocess.Popen[bytes]

    def close(self) -> None:
        """End the process that forks them."""
        self._control.close()
        self._process.wait(_END_SECONDS)

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str],
        seconds: float,
    ) -> Ended:
        """Run a command to its end.

        Raises:
            TimeoutError: when that does not come in so many seconds; the command is killed.
        """
        asked = {
            "program": program,
            "words": [str(self.environment.program(program)), *arguments],
            "folder": str(folder),
            "variables": dict(variables),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            with theirs:
                files = [output.fileno(), errors.fileno(), theirs.fileno()]
                socket.send_fds(self._control, [json.dumps(asked).encode()], files)
            number = int(ours.recv(64) or 0)
            ours.settimeout(seconds)
            try:
                code = int(ours.recv(64) or -signal.SIGKILL)
            except TimeoutError:
                os.kill(number, signal.SIGKILL)
                raise
            output.seek(0)
            errors.seek(0)
            return Ended(
                exit_code=code,
                stdout=output.read().decode(errors="replace"),
                stderr=errors.read().decode(errors="replace"),
            )


@cache
def warm_programs(environment: Environment) -> WarmPrograms:
    """Import the command lines of an environment; once in this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [environment.program("python"), "-P", _FORKED_PROGRAMS, str(theirs.fileno())]
        process = subprocess.Popen(
            [*map(str, command), *_PROGRAMS],
            env=environment.variables(NO_COLOR="1", DAGSTER_DISABLE_TELEMETRY="1"),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
    programs = WarmPrograms(environment, ours, process)
    atexit.register(programs.close)
    return programs
