"""What a process leaves behind when it ends."""

from __future__ import annotations

import subprocess
from contextlib import suppress

import psutil

from dagstead.serverless.processes import ProcessMark
from dagstead.testing.waiting import eventually


def is_over(process: psutil.Process) -> bool:
    """Whether it has ended, waited for by its parent or not."""
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_what_a_process_left_in_its_group_is_ended_once_it_is_gone_itself() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 >/dev/null & echo $!; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as leader:
        assert leader.stdin
        assert leader.stdout
        mark = ProcessMark.of(leader.pid)
        left = psutil.Process(int(leader.stdout.readline()))

        mark.kill_left_over()
        assert left.is_running()

        leader.stdin.close()
        leader.wait(10)
        mark.kill_left_over()
        eventually(lambda: is_over(left), 10, "the end of what was left")
