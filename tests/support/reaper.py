"""Ends programs that tests have started, when the tests themselves were killed."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import psutil

#: It reads the leaders of process groups, and ends those that run when the tests have ended.
_PROGRAM = """
import os, signal, sys, time
leaders = [line.split() for line in sys.stdin]
import psutil

def alive():
    for pid, started in leaders:
        try:
            if psutil.Process(int(pid)).create_time() == float(started):
                yield int(pid)
        except psutil.NoSuchProcess:
            pass

def end(number):
    for pid in alive():
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            pass

end(signal.SIGTERM)
deadline = time.monotonic() + 20
while time.monotonic() < deadline and any(alive()):
    time.sleep(0.2)
end(signal.SIGKILL)
"""


def end_with_this_process(pid: int) -> None:
    """Have a process group end soon after this process, however this one ends."""
    started = psutil.Process(pid).create_time()
    pipe = _reaper().stdin
    assert pipe is not None
    pipe.write(f"{pid} {started!r}\n")
    pipe.flush()


@cache
def _reaper() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, text=True, start_new_session=True
    )
