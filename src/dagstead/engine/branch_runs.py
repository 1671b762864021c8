"""The limits on runs of branch deployments, which all of their run queues ask in one place.

Every deployment has a run queue and a daemon of its own. Only one process leads, so that the
daemons of all branch deployments are threads of it, and find the same object here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from dagster import DagsterInstance, DagsterRun
from dagster._core.instance.config import ConcurrencyConfig

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.plane.branch_limits import BranchCounts, BranchRun
from dagstead.plane.deployments import Deployment

#: A run that was let out of its queue is recorded as taken from it much sooner, or never will be.
_CLAIM_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """A run that was let out, before the record of its launch shows that."""

    run: BranchRun
    at: float


@dataclass(slots=True)
class BranchGate:
    """Lets runs of branch deployments out of their queues, as far as the limits allow."""

    control: Control
    _lock: Lock = field(default_factory=Lock)
    _claims: Sequence[_Claim] = ()

    def admitted(self, deployment: Deployment, runs: Sequence[DagsterRun]) -> list[DagsterRun]:
        """Those of the runs that may leave their queue now, in the same order."""
        if not runs:
            return []
        with self._lock:
            return list(self._admit(deployment, runs))

    def _admit(self, deployment: Deployment, runs: Sequence[DagsterRun]) -> Iterator[DagsterRun]:
        limits, now = self.control.run_limits.of_branches(SYSTEM), self.control.clock()
        recorded = self.control.run_limits.branch_runs(SYSTEM)
        # What is in its queue again was not taken from it.
        known = {each.key for each in recorded} | {(deployment.name, run.run_id) for run in runs}
        self._claims = [
            claim
            for claim in self._claims
            if claim.run.key not in known and 0 <= now - claim.at < _CLAIM_SECONDS
        ]
        counts = BranchCounts(limits, [*recorded, *(claim.run for claim in self._claims)])
        for run in runs:
            mine = BranchRun(deployment=deployment.name, run_id=run.run_id, tags=run.tags)
            if counts.take(mine) is None:
                self._claims = [*self._claims, _Claim(run=mine, at=now)]
                yield run


class BranchRunQueueDaemon(RunQueueDaemon):
    """The run queue of a branch deployment, which has limits that it shares with others."""

    def __init__(
        self,
        interval_seconds: float,
        control: Control,
        deployment: Deployment,
        gate: BranchGate,
    ) -> None:
        super().__init__(interval_seconds, control, deployment)
        self._gate = gate

    def _get_runs_to_dequeue(
        self,
        instance: DagsterInstance,
        concurrency_config: ConcurrencyConfig,
        fixed_iteration_time: float | None,
    ) -> list[DagsterRun]:
        found = super()._get_runs_to_dequeue(instance, concurrency_config, fixed_iteration_time)
        return self._gate.admitted(self._deployment, found)
