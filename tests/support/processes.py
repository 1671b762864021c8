"""Programs started by a test, with their output in a file and their whole process group ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from dagstead.testing.waiting import eventually
from tests.support.reaper import end_with_this_process
from tests.support.warm_programs import Fork, WarmPrograms, is_for_forks

#: What a failure shows of a log: enough for a traceback, not enough to bury the reason.
_LOG_TAIL_LINES = 60


class ChildProcess:
    """A running program. Use it as a context: it is ended, with its children, on the way out.

    When the body fails, the tail of the log is added to the exception's notes, so that a failed
    test shows what the program said.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        warm: WarmPrograms | None = None,
    ) -> None:
        """Start ``command`` in a process group of its own.

        Args:
            command: the program and its arguments.
            log: receives stdout and stderr; several starts append to it.
            env: the whole environment of the program; None passes on that of the test.
            cwd: its working folder; None is that of the test.
            warm: has the program imported, and forks it if the environment allows.
        """
        self.command = [str(part) for part in command]
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | Fork
        with log.open("ab") as output:
            if warm is None or not is_for_forks(env or {}):
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )
            else:
                self._process = warm.start(
                    Path(self.command[0]).name,
                    self.command[1:],
                    folder=cwd,
                    variables=os.environ if env is None else env,
                    output=output.fileno(),
                    errors=output.fileno(),
                )
        end_with_this_process(self.pid)

    @property
    def pid(self) -> int:
        """The program's process id, which is also the id of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs. Negative: the signal that ended it."""
        return self._process.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, not to its children."""
        self._process.send_signal(number)

    def wait(self, deadline_seconds: float) -> int:
        """The exit code, once it has ended by itself.

        Raises:
            AssertionError: with the log's tail, when it is still running after the deadline.
        """
        try:
            return self._process.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            message = f"{self._name} still runs after {deadline_seconds:g} s.\n{self.log_tail()}"
            raise AssertionError(message) from None

    def wait_for_log(self, text: str, deadline_seconds: float) -> None:
        """Wait until the program has written ``text``; fail at once if it ends before."""

        def written() -> bool:
            found = text in self.log_text()
            if not found and self.exit_code is not None:
                code = self.exit_code
                message = f"{self._name} ended with {code} before {text!r}.\n{self.log_tail()}"
                raise AssertionError(message)
            return found

        eventually(written, deadline_seconds, f"{text!r} in the log of {self._name}")

    def stop(self, deadline_seconds: float = 15) -> int:
        """Ask the program to end (SIGTERM), then end what is left of its group by force.

        Returns:
            The program's exit code.
        """
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(deadline_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._kill_group()
        return self._process.wait()

    def kill(self) -> None:
        """End the program and its group by force (SIGKILL), as a crash of the machine would."""
        self._kill_group()
        self._process.wait()

    def log_text(self) -> str:
        """All that the program has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def log_tail(self) -> str:
        """The last lines of the log, under a heading, for a failure's message."""
        lines = self.log_text().splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join([f"--- last lines of {self._name} ({self.log})", *lines])

    @property
    def _name(self) -> str:
        return " ".join(Path(part).name for part in self.command[:4])

    def _kill_group(self) -> None:
        # Children may have outlived the program; an empty group is no error.
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            error.add_note(self.log_tail())


@contextmanager
def leader_with_a_child() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """A process that leads its group, and one of that group; the leader alone ends on the way out.

    What is left is for the test to end.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 >/dev/null & echo $!; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        assert leader.stdin
        assert leader.stdout
        yield psutil.Process(leader.pid), psutil.Process(int(leader.stdout.readline()))
        leader.stdin.close()


def is_over(process: psutil.Process) -> bool:
    """Whether it has ended, waited for by its parent or not."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True
