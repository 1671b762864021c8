from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest

from dagstead.testing import eventually
from tests.support.processes import ChildProcess

_SLEEPS_WITH_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print("child", child.pid, flush=True)
child.wait()
"""

_IGNORES_SIGTERM = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    signal.pause()
"""


def test_stop_ends_the_children_too(tmp_path: Path) -> None:
    with ChildProcess([sys.executable, "-c", _SLEEPS_WITH_A_CHILD], log=tmp_path / "log") as parent:
        parent.wait_for_log("child", 30)
        child = int(parent.log_text().split()[1])
        assert psutil.pid_exists(child)
        parent.stop()

    eventually(lambda: not _alive(child), 10, "the child's end")


def test_stop_ends_a_program_that_ignores_sigterm(tmp_path: Path) -> None:
    with ChildProcess([sys.executable, "-c", _IGNORES_SIGTERM], log=tmp_path / "log") as deaf:
        deaf.wait_for_log("deaf", 30)
        assert deaf.stop(deadline_seconds=0.2) == -signal.SIGKILL


def test_a_failing_test_shows_the_end_of_the_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print(*range(100), sep='\\n')"]

    def body() -> None:
        with ChildProcess(command, log=tmp_path / "log") as program:
            program.wait(30)
            raise ValueError("a failure")

    with pytest.raises(ValueError, match="a failure") as caught:
        body()

    (note,) = caught.value.__notes__
    assert note.splitlines()[1:] == [str(number) for number in range(40, 100)]


def test_waiting_for_a_line_fails_at_once_when_the_program_has_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such setting')"]

    with (
        ChildProcess(command, log=tmp_path / "log") as program,
        pytest.raises(AssertionError, match=r"ended with 1 before 'ready'[\s\S]*no such setting"),
    ):
        program.wait_for_log("ready", 30)


def test_several_starts_append_to_one_log(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with ChildProcess(["echo", word], log=tmp_path / "log") as program:
            assert program.wait(30) == 0

    assert (tmp_path / "log").read_text(encoding="utf-8") == "first\nsecond\n"


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
