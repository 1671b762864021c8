"""Nothing goes on after tests that were killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil

from dagstead.testing.waiting import eventually
from tests.support.environments import REPOSITORY
from tests.support.processes import is_over

_TESTS = """
import sys
from pathlib import Path
from tests.support.processes import ChildProcess

children = [ChildProcess(["/bin/sh", "-c", run], log=Path(sys.argv[1])) for run in sys.argv[2:]]
print(*[child.pid for child in children], flush=True)
sys.stdin.read()
"""


def test_programs_end_with_the_tests_that_started_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _TESTS, str(tmp_path / "log"), "sleep 600", "exec sleep 600"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout
        programs = [psutil.Process(int(pid)) for pid in tests.stdout.readline().split()]
        assert len(programs) == 2
        assert all(program.is_running() for program in programs)
        tests.send_signal(signal.SIGKILL)

    for program in programs:
        eventually(partial(is_over, program), 20, "its end")
