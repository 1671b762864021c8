"""Python programs as forks of a process that has them imported.

Importing them takes most of the time of a command, and of the start of a server or an agent. What
runs is the same code, in a process of its own; workflows that are played, and `dagstead up`, start
the programs themselves.
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
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Self

from tests.support.environments import Environment

_FORKED_PROGRAMS = Path(__file__).parent / "programs" / "forked_programs.py"
_END_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Preload:
    """What one process has imported."""

    #: Commands whose help has been asked for: they have imported what that takes.
    commands: tuple[str, ...]
    #: What these import only when they run.
    modules: tuple[str, ...] = ()


#: The official command lines.
COMMAND_LINES = Preload(
    commands=("dagster-cloud", "dg api", "dg plus"),
    modules=("httpx", "anyio", "pydantic.type_adapter"),
)
#: The official agent.
AGENT = Preload(
    commands=("dagster-cloud",),
    modules=(
        "dagster_cloud.agent.cli",
        "dagster_cloud.agent.dagster_cloud_agent",
        "dagster_cloud.instance",
        "dagster_cloud.workspace.user_code_launcher",
    ),
)
#: The web server and the daemons.
SERVERS = Preload(
    commands=("dagstead web", "dagstead daemon"),
    modules=("dagstead.server.web", "dagstead.server.daemon", "dagstead.engine.daemons"),
)


#: What the interpreter and the loader of programs read when they start.
_OF_STARTS = ("LD_", "PYTHON")


def is_for_forks(variables: Mapping[str, str]) -> bool:
    """Whether a program can be a fork although it has these variables."""
    ours = {"PYTHONUNBUFFERED"}
    return not any(each.startswith(_OF_STARTS) for each in variables.keys() - ours)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(slots=True)
class Fork:
    """A running program, with the methods of ``subprocess.Popen`` that tests use."""

    #: Says its process id, and how it ended: the process that forks has it as its child.
    _told: socket.socket
    pid: int = field(init=False)
    _exit_code: int | None = None

    def __post_init__(self) -> None:
        self.pid = int(self._told.recv(64))

    def poll(self) -> int | None:
        """The exit code, or None while it runs. Negative: the signal that ended it."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: when that does not come in so many seconds.
        """
        if self._exit_code is None:
            self._told.settimeout(timeout)
            try:
                said = self._told.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
            self._told.close()
            # Whoever forked it ends after it, or was killed.
            self._exit_code = int(said or -signal.SIGKILL)
        return self._exit_code

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


@dataclass(frozen=True)
class WarmPrograms:
    """Programs of one environment; the process that forks them ends with this one."""

    environment: Environment
    _control: socket.socket
    _process: subprocess.Popen[bytes]

    @classmethod
    def imported(cls, environment: Environment, preload: Preload) -> Self:
        """Start the process that forks them."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [environment.program("python"), "-P", _FORKED_PROGRAMS, str(theirs.fileno())]
            process = subprocess.Popen(
                [*map(str, command), json.dumps(asdict(preload))],
                env=environment.variables(NO_COLOR="1", DAGSTER_DISABLE_TELEMETRY="1"),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return cls(environment, ours, process)

    def close(self) -> None:
        """End the process that forks them, once they have ended."""
        self._control.close()
        self._process.wait(_END_SECONDS)

    def start(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        folder: Path | None,
        variables: Mapping[str, str],
        output: int,
        errors: int,
    ) -> Fork:
        """Start one in a process group of its own, which writes to these descriptors."""
        asked = {
            "program": program,
            "words": [str(self.environment.program(program)), *arguments],
            "folder": str(folder or Path.cwd()),
            "variables": dict(variables),
        }
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            files = [output, errors, theirs.fileno()]
            socket.send_fds(self._control, [json.dumps(asked).encode()], files)
        return Fork(ours)

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
            subprocess.TimeoutExpired: when that does not come in so many seconds; it is killed.
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            fork = self.start(
                program,
                arguments,
                folder=folder,
                variables=variables,
                output=output.fileno(),
                errors=errors.fileno(),
            )
            try:
                code = fork.wait(seconds)
            except subprocess.TimeoutExpired:
                fork.send_signal(signal.SIGKILL)
                raise
            output.seek(0)
            errors.seek(0)
            return Ended(
                exit_code=code,
                stdout=output.read().decode(errors="replace"),
                stderr=errors.read().decode(errors="replace"),
            )


@cache
def warm_programs(environment: Environment, preload: Preload) -> WarmPrograms:
    """Have programs of an environment imported; once in this process."""
    programs = WarmPrograms.imported(environment, preload)
    atexit.register(programs.close)
    return programs
