"""Ending the containers of runs: those that were asked to end, and those that are long over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dagstead.serverless.docker import labels
from dagstead.serverless.docker.containers import PoolContainer, PoolContainers
from dagstead.serverless.docker.left_over import ContainerRun
from dagstead.serverless.home import PoolHome, read_json, remove, write_json
from dagstead.serverless.reports import report_canceled, report_stop
from dagstead.serverless.shutdown import INTERRUPT_SECONDS, report_all

if TYPE_CHECKING:
    from dagster_cloud.instance import DagsterCloudAgentInstance

_POLL_SECONDS = 0.2
logger = logging.getLogger("dagstead.serverless.runs")


@dataclass(frozen=True, kw_only=True)
class RunEnds:
    """Knows of every run of a pool when it was asked to end, under any of its agents."""

    home: PoolHome
    containers: PoolContainers
    instance: DagsterCloudAgentInstance
    clock: Callable[[], float]
    #: How long user code may take to clean up.
    grace_seconds: int
    #: How long containers of ended runs are kept, with what they wrote.
    keep_seconds: int

    def ask(self, worker: PoolContainer) -> None:
        """Interrupt a run; :meth:`end_overdue` kills its container when that does not end it."""
        note = self.home.runs / f"{worker.id}.json"
        if not note.exists():
            write_json(note, {"asked_at": self.clock()})
        self.containers.signal(worker.id, "SIGINT")

    def end_overdue(self) -> None:
        """Kill the containers of runs that were asked to end and still run after a while."""
        workers = {each.id: each for each in self.containers.workers() if not each.has_ended}
        for note in self.home.runs.glob("*.json"):
            worker = workers.get(note.stem)
            asked = read_json(note)
            if worker is None or asked is None:
                remove(note)
            elif self.clock() - asked["asked_at"] > self.grace_seconds:
                self.containers.signal(worker.id, "SIGKILL")
                run = _run_of(worker)
                logger.warning(
                    "Killed the container of run %s: it did not end within %d seconds.",
                    run.run_id,
                    self.grace_seconds,
                )
                report_canceled(self.instance, run)
                remove(note)

    def stop_all(self) -> None:
        """Interrupt all runs, wait a little, and kill those that are left: the pool is ending."""
        workers = [each for each in self.containers.workers() if not each.has_ended]
        runs = [_run_of(each) for each in workers]
        report_all(runs, partial(report_stop, self.instance))
        for run, worker in zip(runs, workers, strict=True):
            logger.warning("Stopping the container of run %s with the pool.", run.run_id)
            self.containers.signal(worker.id, "SIGINT")
        deadline = time.monotonic() + INTERRUPT_SECONDS
        while time.monotonic() < deadline:
            if all(each.has_ended for each in self.containers.workers()):
                return
            time.sleep(_POLL_SECONDS)  # noqa: TID251 - Docker rings for nobody
        for worker in workers:
            self.containers.signal(worker.id, "SIGKILL")

    def remove_old(self) -> None:
        """Remove the containers of runs that have ended long ago."""
        for worker in self.containers.workers():
            if worker.has_ended and self.clock() - worker.created_at > self.keep_seconds:
                self.containers.remove(worker.id)


def _run_of(worker: PoolContainer) -> ContainerRun:
    return ContainerRun(
        deployment=worker.labels[labels.DEPLOYMENT], run_id=worker.labels[labels.RUN]
    )
