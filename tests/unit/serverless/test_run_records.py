from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from dagstead.errors import RunWorkerError
from dagstead.serverless.home import PoolHome, write_json
from dagstead.serverless.processes import ProcessMark
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.run_worker import RunWorker
from dagstead.serverless.shutdown import end_what_is_left, kill_overdue, stop_all_runs
from dagstead.testing.waiting import eventually
from tests.support.processes import is_over
from tests.support.sandboxes import without_walls, worker_of

SLEEPS = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(600)"
)


@pytest.fixture
def records(home: PoolHome) -> Iterator[RunRecords]:
    records = RunRecords(home=home, clock=time.time)
    yield records
    for worker in records.alive():
        worker.process.kill()


def start(records: RunRecords, code: str, run_id: str = "run-1", *, launch: int = 1) -> RunWorker:
    worker = worker_of([sys.executable, "-c", code], launch=launch)
    return records.start(run_id, worker, without_walls(records.home))


def ended(records: RunRecords, run_id: str = "run-1") -> RunWorker:
    def probe() -> RunWorker | None:
        worker = records.find(run_id)
        return worker if worker and not worker.is_alive else None

    found = eventually(probe, 20, "the worker to end")
    assert found is not None
    return found


def ready(records: RunRecords, run_id: str = "run-1") -> None:
    eventually(lambda: "ready" in records.last_output(run_id, lines=5), 20, "the worker's greeting")


def test_user_code_has_the_umask_that_it_is_given(home: PoolHome) -> None:
    records = RunRecords(home=home, clock=time.time, umask=0o027)
    start(records, "import os; print('umask', os.umask(0))")
    ended(records)
    assert f"umask {0o027}" in records.last_output("run-1", lines=5)


def test_a_worker_is_known_while_it_runs_and_after_it(records: RunRecords, home: PoolHome) -> None:
    started = start(records, SLEEPS)
    ready(records)
    # Another object over the same folder, as after a restart of the agent.
    again = RunRecords(home=home, clock=time.time).find("run-1")
    assert again == started
    assert [worker.run_id for worker in records.alive()] == ["run-1"]
    started.process.kill()
    assert ended(records).exit_code == -signal.SIGKILL
    assert "signal 9" in ended(records).how_it_ended()
    assert "out of memory" in ended(records).how_it_ended()
    assert records.alive() == []


def test_the_exit_code_and_the_last_words_are_kept(records: RunRecords) -> None:
    start(records, "print('about to fail'); raise SystemExit(3)")
    assert ended(records).exit_code == 3
    assert "ended with code 3" in ended(records).how_it_ended()
    assert records.last_output("run-1", lines=5) == "about to fail\n"


def test_a_second_launch_of_a_running_run_starts_nothing(records: RunRecords) -> None:
    first = start(records, SLEEPS)
    assert start(records, "raise SystemExit('must not start')").process == first.process


def test_a_run_is_never_started_twice(records: RunRecords) -> None:
    start(records, "pass")
    ended(records)
    with pytest.raises(RunWorkerError, match=r"started at most once.*ended with code 0"):
        start(records, "pass")


def test_a_command_that_cannot_start_leaves_the_run_free_to_be_started(
    records: RunRecords,
) -> None:
    worker = worker_of(["/no/such/python"])
    with pytest.raises(RunWorkerError, match="could not be started"):
        records.start("run-1", worker, without_walls(records.home))
    assert start(records, SLEEPS).is_alive


@pytest.mark.parametrize("run_id", ["../escape", "", "a/b", ".hidden", "x" * 65])
def test_a_run_id_cannot_leave_the_folder(records: RunRecords, run_id: str) -> None:
    with pytest.raises(RunWorkerError, match="not a run id"):
        start(records, "pass", run_id)


def test_a_run_of_somebody_else_is_unknown(records: RunRecords) -> None:
    assert records.find("never-seen") is None
    assert records.last_output("never-seen", lines=5) == ""


def test_a_process_with_the_number_of_a_dead_one_is_not_taken_for_it() -> None:
    own = psutil.Process()
    assert ProcessMark(pid=own.pid, started=own.create_time()).is_alive()
    assert not ProcessMark(pid=own.pid, started=own.create_time() - 60).is_alive()


def test_an_interrupted_worker_that_goes_on_is_killed_after_a_while(records: RunRecords) -> None:
    worker = start(records, STUBBORN)
    ready(records)
    records.cancel(worker)
    cancelled = records.find("run-1")
    assert cancelled is not None
    asked_at = cancelled.cancelled_at
    assert asked_at is not None
    reported: list[str] = []

    def check(now: float) -> None:
        kill_overdue(
            records.alive(), now=now, grace_seconds=60, report=lambda w: reported.append(w.run_id)
        )

    check(asked_at + 59)
    assert records.alive()
    assert reported == []
    check(asked_at + 61)
    assert reported == ["run-1"]
    assert ended(records).exit_code == -signal.SIGKILL


def start_with_a_child(records: RunRecords) -> tuple[RunWorker, psutil.Process]:
    """A worker, and a process that it has started as a step may be one."""
    worker = start(
        records,
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('ready', p.pid, flush=True); time.sleep(600)",
    )
    ready(records)
    pid = int(records.last_output("run-1", lines=1).split()[1])
    return worker, psutil.Process(pid)


def test_a_worker_is_killed_with_what_it_started(records: RunRecords) -> None:
    worker, child = start_with_a_child(records)
    worker.process.kill()
    ended(records)
    eventually(lambda: is_over(child), 20, "the worker's own child to end")


def test_nothing_goes_on_of_a_worker_that_was_killed_by_somebody_else(
    records: RunRecords,
) -> None:
    worker, child = start_with_a_child(records)
    os.kill(worker.process.pid, signal.SIGKILL)
    assert ended(records).exit_code == -signal.SIGKILL
    eventually(lambda: is_over(child), 20, "the worker's own child to end")


def test_stopping_the_pool_lets_workers_end_by_themselves(records: RunRecords) -> None:
    start(
        records,
        "import time\nprint('ready', flush=True)\n"
        "try: time.sleep(600)\nexcept KeyboardInterrupt: raise SystemExit(7)",
    )
    ready(records)
    reported = []

    def report(worker: RunWorker) -> None:
        # The worker is still there: what is said of it comes before its own last words.
        reported.append((worker.run_id, worker.process.is_alive()))

    stop_all_runs(records, report)
    assert ended(records).exit_code == 7
    assert reported == [("run-1", True)]


def test_stopping_the_pool_goes_on_when_nobody_can_say_so(
    records: RunRecords, caplog: pytest.LogCaptureFixture
) -> None:
    start(records, SLEEPS)
    ready(records)

    def refuse(_worker: RunWorker) -> None:
        msg = "the server is away"
        raise ConnectionError(msg)

    stop_all_runs(records, refuse)
    assert records.alive() == []
    assert "Could not write into run run-1 who ends it: the server is away" in caplog.text


def test_what_a_killed_agent_left_can_be_ended_without_another_agent(
    records: RunRecords, home: PoolHome
) -> None:
    reported: list[RunWorker] = []
    start(records, SLEEPS)
    ready(records)
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE, start_new_session=True
    ) as code_server:
        mark = ProcessMark.of(code_server.pid)
        write_json(home.servers / "abc.json", {"pid": mark.pid, "started": mark.started})
        end_what_is_left(home.root, reported.append)
        assert code_server.wait(20) == -signal.SIGKILL
    assert records.alive() == []
    assert [worker.run_id for worker in reported] == ["run-1"]
    assert list(home.servers.iterdir()) == []
    end_what_is_left(home.root / "no-pool-here", reported.append)


def test_ended_workers_are_forgotten_after_a_while_and_running_ones_never(
    records: RunRecords, home: PoolHome
) -> None:
    start(records, "pass", "over")
    start(records, SLEEPS, "runs")
    ended(records, "over")
    eventually((home.runs / "over" / "exit.json").exists, 20, "the end to be written")
    later = RunRecords(home=home, clock=lambda: time.time() + 3600)
    later.sweep(keep_seconds=7200)
    assert later.find("over")
    later.sweep(keep_seconds=1800)
    assert later.find("over") is None
    assert [worker.run_id for worker in later.alive()] == ["runs"]


def test_the_end_of_a_worker_that_nobody_saw_is_said_so(
    records: RunRecords, home: PoolHome
) -> None:
    worker = start(records, SLEEPS)
    (home.runs / "run-1" / "exit.json").unlink(missing_ok=True)
    gone = replace(worker, is_alive=False)
    assert "was not there to see it end" in gone.how_it_ended()


def test_a_zombie_of_another_process_counts_as_gone() -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True); input(); child.stdin.close(); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        process = psutil.Process(pid)
        mark = ProcessMark(pid=pid, started=process.create_time())
        assert mark.is_alive()
        parent.stdin.write("go\n")
        parent.stdin.flush()
        eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, 20, "the child to end")
        assert not mark.is_alive()
    finally:
        parent.kill()
        parent.communicate()


def test_another_launch_starts_a_worker_when_the_one_before_has_ended(records: RunRecords) -> None:
    first = start(records, SLEEPS)
    assert start(records, SLEEPS, launch=2).process == first.process, "it is alive"
    first.process.kill()
    ended(records)

    second = start(records, SLEEPS, launch=2)

    assert second.process != first.process
    assert [worker.launch for worker in records.alive()] == [2]
    second.process.kill()
    ended(records)
    for launch in (1, 2):
        with pytest.raises(RunWorkerError, match="was given to this pool before"):
            start(records, SLEEPS, launch=launch)


def test_the_claim_of_a_killed_agent_gives_way_to_the_next_launch(
    records: RunRecords, home: PoolHome
) -> None:
    (home.runs / "run-1").mkdir()
    write_json(home.runs / "run-1" / "claim.json", {"launch": 1})
    assert not records.may_be_at_work("run-1")
    with pytest.raises(RunWorkerError, match="not known whether that worker began"):
        start(records, SLEEPS, launch=1)
    assert start(records, SLEEPS, launch=2).is_alive


def test_a_worker_that_its_agent_could_not_write_down_is_not_started_again(
    records: RunRecords, home: PoolHome
) -> None:
    worker = start(records, SLEEPS)
    (home.runs / "run-1" / "worker.json").unlink()
    try:
        assert records.find("run-1") is None
        assert records.may_be_at_work("run-1")
        with pytest.raises(RunWorkerError, match="not known whether that worker began"):
            start(records, SLEEPS, launch=2)
    finally:
        worker.process.kill()
    eventually(lambda: not records.may_be_at_work("run-1"), 20, "the end of the worker")
    assert not records.may_be_at_work("never-seen")
