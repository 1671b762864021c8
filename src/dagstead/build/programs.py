"""The programs that a build starts: uv, docker, the target Python. None outlives the build."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dagstead.build.disk import no_room, says_full
from dagstead.errors import BuildError, BuildStepError, BuildStoppedError

#: The end of what a program said: a traceback, or the summary of a failed step.
_KEPT_LINES = 200

OnLine = Callable[[str], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramResult:
    """How a program ended."""

    code: int
    #: The last lines of its output and errors, as they came.
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def check(self, message: str, *, output: Sequence[str], command: str | None = None) -> None:
        """Pass over a good end.

        Raises:
            BuildStepError: with all of it, for a bad one.
            BuildError: when it ended so because its disk is full.
        """
        if self.code == 0:
            return
        if says_full(self.text):
            raise no_room()
        raise BuildStepError(message, output=tuple(output), command=command)


class Programs:
    """Starts programs and follows them. Safe to use from several threads."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the variables that every program gets."""
        self._environment = dict(environment)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._is_stopped = False

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that every program gets."""
        return self._environment

    @property
    def is_stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._is_stopped

    def stop(self) -> None:
        """End all that runs, with all that it started, and let nothing begin any more."""
        with self._lock:
            self._is_stopped = True
            for process in self._running:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str | None] | None = None,
        on_line: OnLine | None = None,
        given: str | None = None,
    ) -> ProgramResult:
        """Run a program to its end.

        Args:
            command: the program and its arguments.
            folder: where it is started.
            variables: put over the environment; ``None`` removes one.
            on_line: called with each line of its output and errors.
            given: its input.

        Raises:
            BuildStoppedError: when :meth:`stop` was called.
            BuildError: when there is no such program.
        """
        changed = {**self._environment, **(variables or {})}
        process = self._start(command, folder, {k: v for k, v in changed.items() if v is not None})
        lines: deque[str] = deque(maxlen=_KEPT_LINES)
        try:
            assert process.stdin is not None  # noqa: S101 - both are pipes, see _start
            assert process.stdout is not None  # noqa: S101
            with suppress(BrokenPipeError), process.stdin as writing:
                writing.write(given or "")
            with process.stdout as output:
                for line in output:
                    lines.append(line.rstrip())
                    if on_line is not None:
                        on_line(line.rstrip())
            code = process.wait()
        finally:
            self._end(process)
        if self._is_stopped:
            raise BuildStoppedError
        return ProgramResult(code=code, lines=tuple(lines))

    def must(self, message: str, command: Sequence[str], *, folder: Path) -> None:
        """Run a program that is to end well.

        Raises:
            BuildStepError: with the message and the end of the output, when it does not.
            BuildError: as :meth:`run`.
        """
        ended = self.run(command, folder=folder)
        ended.check(message, output=ended.lines, command=shlex.join(command))

    def _start(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        with self._lock:
            if self._is_stopped:
                raise BuildStoppedError
            try:
                process = subprocess.Popen(  # noqa: S603 - what the plan says
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    # Its own group: a ctrl-C of the terminal comes to us, and we end them all.
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                msg = f"The program {command[0]!r} cannot be started: {error.strerror}."
                raise BuildError(msg) from error
            self._running.add(process)
            return process

    def _end(self, process: subprocess.Popen[str]) -> None:
        """When reading it failed, it is still there."""
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with self._lock:
            self._running.discard(process)
