"""Ending run workers that were asked to end."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagstead.serverless.run_records import RunRecords, RunWorker

#: Enough for Dagster to report that the run was interrupted.
_INTERRUPT_SECONDS = 10.0
_POLL_SECONDS = 0.1
_LOGGER = logging.getLogger("dagstead.serverless.runs")


def kill_overdue(
    records: RunRecords,
    *,
    now: float,
    grace_seconds: float,
    report: Callable[[RunWorker], None],
) -> None:
    """Kill the workers that were interrupted more than ``grace_seconds`` ago and still run.

    Args:
        records: The pool's run workers.
        now: Seconds since 1970.
        grace_seconds: How long user code may take to clean up.
        report: Called for each worker that was killed.
    """
    for worker in records.alive():
        if worker.cancelled_at is None or now - worker.cancelled_at < grace_seconds:
            continue
        worker.process.kill()
        _LOGGER.warning(
            "Killed the worker of run %s: it did not end within %d seconds.",
            worker.run_id,
            grace_seconds,
        )
        report(worker)


def stop_all_runs(records: RunRecords) -> None:
    """Interrupt all run workers, wait a little, and kill those that are left."""
    for worker in records.alive():
        _LOGGER.warning("Stopping the worker of run %s with the pool.", worker.run_id)
        worker.process.interrupt()
    deadline = time.monotonic() + _INTERRUPT_SECONDS
    pause = threading.Event()
    while records.alive() and time.monotonic() < deadline:
        pause.wait(_POLL_SECONDS)
    for worker in records.alive():
        worker.process.kill()
