"""Processes that outlive the object, or the agent, that started them."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.programs import StartCommand

#: The clock tick of the kernel and the rounding on the way through a file.
_SAME_START_SECONDS = 0.05
_BUBBLEWRAP = "bwrap"
#: Added to the number of a signal, by shells and by bubblewrap.
_SIGNALS = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessMark:
    """A process, distinguished from a later one that has the same number.

    The process leads its own process group (``start_new_session``).
    """

    pid: int
    #: Seconds since 1970.
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        """Mark a child that was started just now, and not yet waited for."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def is_alive(self) -> bool:
        """Whether it still runs.

        A dead child of this very process counts as alive until it has been waited for: whoever
        waits for it is about to write down how it ended.
        """
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > _SAME_START_SECONDS:
                return False
            return bool(process.status() != psutil.STATUS_ZOMBIE or process.ppid() == os.getpid())
        except psutil.NoSuchProcess:
            return False

    def interrupt(self) -> None:
        """Ask it to end, as the official agent does; nothing happens when it is gone."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(_program_of(self.pid), signal.SIGINT)

    def kill(self) -> None:
        """End it and all that it started in its group; nothing happens when it is gone."""
        if self.is_alive():
            self._kill_group()

    def kill_left_over(self) -> None:
        """End what it started and left behind; nothing happens while it is there itself."""
        if self._is_of_before_a_restart():
            return
        # No other process gets its number while something is in its group.
        if not psutil.pid_exists(self.pid):
            self._kill_group()

    def _is_of_before_a_restart(self) -> bool:
        """Whether the machine or the container has restarted since: its number says nothing."""
        try:
            return bool(psutil.Process(1).create_time() > self.started)
        except psutil.Error:
            return False

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def start_leader(
    start: StartCommand, output: IO[bytes], reads: int = subprocess.DEVNULL
) -> tuple[subprocess.Popen[Any], ProcessMark]:
    """Start a process that leads its own group and outlives this one.

    Args:
        start: how to start it behind its walls.
        output: a file for all that it writes: a pipe would break when this process is gone.
        reads: a descriptor for its standard input.

    Raises:
        OSError: the program cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - the sandbox's own program
        start.command,
        env=dict(start.environment),
        pass_fds=start.descriptors,
        stdin=reads,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    return process, ProcessMark.of(process.pid)


def as_signal(code: int) -> int:
    """The exit code of a program that another one waited for: below 0 where a signal ended it.

    bubblewrap ends with the code that shells have for this. A program that chooses such a code
    itself counts as killed.
    """
    number = code - _SIGNALS
    return -number if number in signal.valid_signals() else code


def _program_of(pid: int) -> int:
    """The process of user code: of a process that waits for it in its own namespace, or this one.

    bubblewrap has a first process in there, which it waits for, and whose first child is the
    program, always with the number 2.
    """
    try:
        process = psutil.Process(pid)
        if process.name() != _BUBBLEWRAP:
            return pid
        inside = (child for first in process.children() for child in first.children())
        return next((child.pid for child in inside if _number_inside(child.pid) == "2"), pid)
    except psutil.NoSuchProcess:
        return pid


def _number_inside(pid: int) -> str:
    try:
        lines = Path("/proc", str(pid), "status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split()[-1] for line in lines if line.startswith("NSpid:")), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Processes:
    """The processes of a pool, by the numbers of their tokens."""

    running: frozenset[int] = frozenset()
    ended: frozenset[int] = frozenset()
