"""Ending the pool's processes: run workers that were asked to end, and all that is left over."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from dagstead.serverless.home import PoolHome, read_json
from dagstead.serverless.processes import ProcessMark
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.server_output import forget_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dagstead.serverless.run_worker import RunWorker

#: For the log of a run that ends with the pool.
STOPPED = (
    "The managed pool was asked to stop, by itself or with `dagstead up`, and ends this run with "
    "it. Launch the run again when the pool is back (Re-execute)."
)
#: Enough for a few calls of the server, and for a process that has to import Dagster for that.
_REPORT_SECONDS = 8.0
#: Enough for Dagster to report that the run was interrupted.
INTERRUPT_SECONDS = 10.0
_POLL_SECONDS = 0.1
logger = logging.getLogger("dagstead.serverless.runs")


class EndingRun(Protocol):
    """A run whose worker is ended."""

    @property
    def deployment(self) -> str:
        """The name of its deployment."""

    @property
    def run_id(self) -> str:
        """Its own."""


Ending = TypeVar("Ending", bound=EndingRun)


def kill_overdue(
    workers: Iterable[RunWorker],
    *,
    now: float,
    grace_seconds: float,
    report: Callable[[RunWorker], None],
) -> None:
    """Kill the workers that were interrupted more than ``grace_seconds`` ago and still run.

    Args:
        workers: The pool's run workers that run.
        now: Seconds since 1970.
        grace_seconds: How long user code may take to clean up.
        report: Called for each worker that was killed.
    """
    for worker in workers:
        if worker.cancelled_at is None or now - worker.cancelled_at < grace_seconds:
            continue
        worker.process.kill()
        logger.warning(
            "Killed the worker of run %s: it did not end within %d seconds.",
            worker.run_id,
            grace_seconds,
        )
        report(worker)


def stop_all_runs(records: RunRecords, report: Callable[[RunWorker], None]) -> None:
    """Interrupt all run workers, wait a little, and kill those that are left.

    Args:
        records: The pool's run workers.
        report: Called for each worker before that, as :func:`report_all` does.
    """
    workers = list(records.alive())
    report_all(workers, report)
    for worker in workers:
        logger.warning("Stopping the worker of run %s with the pool.", worker.run_id)
        worker.process.interrupt()
    deadline = time.monotonic() + INTERRUPT_SECONDS
    while records.alive() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - not all are children of this one
    for worker in workers:
        worker.process.kill()
        # Dagster's `tail` of a run's output outlives a worker that is interrupted as it starts.
        worker.process.kill_left_over()


def report_all(workers: Sequence[Ending], report: Callable[[Ending], None]) -> None:
    """Write into the logs of runs who ends them.

    Args:
        workers: those of the runs.
        report: called for each, in a thread. When it takes long, as the server is away, nobody
            waits for it.
    """

    def try_to_report(worker: Ending) -> None:
        try:
            report(worker)
        except Exception as error:  # noqa: BLE001 - the stop goes on, whatever it is
            logger.warning("Could not write into run %s who ends it: %s", worker.run_id, error)

    threads = [
        threading.Thread(target=try_to_report, args=(worker,), daemon=True) for worker in workers
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _REPORT_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def end_what_is_left(folder: Path, report: Callable[[RunWorker], None]) -> None:
    """End the code servers and run workers of an agent that was killed, when no other will come.

    An agent that ends by itself leaves none, and a new one looks after those of the one before it.
    This is for whoever stops the pool while there is no agent. It imports no Dagster, and does
    nothing where there never was a pool.

    Args:
        folder: the pool's.
        report: as for :func:`stop_all_runs`.
    """
    home = PoolHome(root=folder)
    if not home.servers.is_dir():
        return
    stop_all_runs(RunRecords(home=home, clock=time.time), report)
    for record in home.servers.glob("*.json"):
        value = read_json(record)
        if value is not None:
            ProcessMark(pid=value["pid"], started=value["started"]).kill()
        forget_record(record)
