"""What a process leaves behind when it ends."""

from __future__ import annotations

import psutil
import pytest

from dagstead.serverless.processes import ProcessMark
from dagstead.testing.waiting import eventually
from tests.support.processes import is_over, leader_with_a_child


def test_what_a_process_left_in_its_group_is_ended_once_it_is_gone_itself() -> None:
    with leader_with_a_child() as (leader, left):
        mark = ProcessMark.of(leader.pid)
        mark.kill_left_over()
        assert left.is_running()

    mark.kill_left_over()
    eventually(lambda: is_over(left), 10, "the end of what was left")


def test_nothing_is_taken_for_left_over_from_before_a_restart_of_the_machine() -> None:
    with leader_with_a_child() as (leader, left):
        before = ProcessMark(pid=leader.pid, started=psutil.Process(1).create_time() - 60)
    try:
        before.kill_left_over()
        with pytest.raises(psutil.TimeoutExpired):
            left.wait(0.1)
    finally:
        left.kill()
