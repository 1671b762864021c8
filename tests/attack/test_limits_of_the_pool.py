"""Code that takes all it can get, against the limits of a run."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.errors import UnservableLocationError
from dagstead.serverless.home import PoolHome
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.run_worker import RunWorker
from dagstead.serverless.sandbox.limit_watch import end_what_is_over
from dagstead.serverless.sandbox.limits import CONTEXT, ProcessLimits
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.walls import Walls
from dagstead.testing import eventually
from tests.support.sandboxes import worker_of

BOMBS = Path(__file__).parents[1] / "support" / "walls" / "bombs.py"


@pytest.fixture
def home(tmp_path: Path) -> PoolHome:
    home = PoolHome(root=tmp_path / "pool")
    home.create()
    return home


@pytest.fixture
def records(home: PoolHome) -> Iterator[RunRecords]:
    records = RunRecords(home=home, clock=time.time)
    yield records
    for worker in records.alive():
        worker.process.kill()


def exploded(records: RunRecords, walls: Walls, bomb: str, limits: ProcessLimits) -> RunWorker:
    """A worker with a bomb in it, when it is over."""
    sandbox = Sandbox(home=records.home, walls=walls)
    records.start("run", worker_of([sys.executable, str(BOMBS), bomb], limits=limits), sandbox)

    def ended() -> RunWorker | None:
        if sandbox.cgroups is None:
            # The pool does it once a second.
            end_what_is_over(records.watched())
        found = records.find("run")
        return found if found and not found.is_alive else None

    found = eventually(ended, 60, "the bomb to be over")
    assert found is not None
    return found


def said(records: RunRecords) -> dict[str, float]:
    found: dict[str, float] = json.loads(records.last_output("run", lines=1))
    return found


def is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("cgroups", [True, False], ids=["the kernel looks", "the pool looks"])
def test_a_run_that_takes_more_memory_than_its_limit_is_ended(
    records: RunRecords, *, cgroups: bool
) -> None:
    worker = exploded(records, Walls(cgroups=cgroups), "memory", ProcessLimits(memory_mb=256))
    assert said(records)["mib"] < (256 if cgroups else 4096)
    assert worker.exit_code == -signal.SIGKILL
    assert "256 MiB" in worker.how_it_ended()


@pytest.mark.parametrize("cgroups", [True, False], ids=["the kernel looks", "the pool looks"])
def test_a_run_that_starts_more_processes_than_its_limit_is_kept_or_ended(
    records: RunRecords, *, cgroups: bool
) -> None:
    worker = exploded(records, Walls(cgroups=cgroups), "processes", ProcessLimits(processes=50))
    if cgroups:
        assert said(records) == {"started": 49, "refused": os.strerror(11)}
    else:
        assert "its limit is 50" in worker.how_it_ended()
    eventually(lambda: is_empty(worker.process.pid), 20, "the processes to be over")


def test_a_run_gets_no_more_of_the_processors_than_its_limit(records: RunRecords) -> None:
    exploded(records, Walls(cgroups=True), "processor", ProcessLimits(cpus=0.5))
    # Four processes for a second; the kernel counts in tenths of it.
    assert said(records)["seconds"] < 1


def test_a_location_chooses_less_than_the_pool_gives() -> None:
    most = ProcessLimits(memory_mb=1024, processes=100)
    context = {CONTEXT: {"memory_mb": 512, "cpus": 1.5}, "k8s": {}}
    assert most.chosen_by(context) == ProcessLimits(memory_mb=512, processes=100, cpus=1.5)
    assert most.chosen_by(None) == most.chosen_by({}) == most
    assert most.chosen_by({CONTEXT: {"warm": False}}) == most


@pytest.mark.parametrize(
    "asked",
    [
        {"memory_mb": 2048},
        {"memory_mb": -1},
        {"memory_mb": 0},
        {"memory_mb": "512"},
        {"memory_mb": True},
        {"processes": 1.5},
        {"disk": 1},
        {"warm": "never"},
        "unlimited",
    ],
)
def test_a_location_gets_no_more_than_the_pool_gives(asked: object) -> None:
    with pytest.raises(UnservableLocationError, match="cannot be had"):
        ProcessLimits(memory_mb=1024, processes=100).chosen_by({CONTEXT: asked})
