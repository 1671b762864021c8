"""The limits on runs of branch deployments, which all of their run queues ask in one place.

Every deployment has a run queue and a daemon of its own. Only one process leads, so that the
daemons of all branch deployments are threads of it, and find the same object here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from dagster import DagsterInstance, DagsterRun, RunsFilter
from dagster._core.instance.config import ConcurrencyConfig
from dagster._utils.tags import TagConcurrencyLimitsCounter

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.instances import Instances
from dagstead.engine.run_queue_daemon import RunQueueDaemon
from dagstead.errors import DeploymentNotFoundError
from dagstead.plane.branch_limits import BranchLimits
from dagstead.plane.deployments import Deployment

#: A run that was let out of its queue is recorded as taken from it much sooner, or never will be.
_CLAIM_SECONDS = 30.0

_RAISE = (
    "It starts when one of them has ended, or when somebody raises the limit: "
    "`dagster-cloud organization settings set-from-file`."
)


class _Key(NamedTuple):
    deployment: str
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """A run that was let out, before the record of its launch shows that."""

    run: DagsterRun
    at: float


@dataclass(slots=True)
class BranchRuns:
    """Lets runs of branch deployments out of their queues, as far as the limits allow."""

    instances: Instances
    _lock: Lock = field(default_factory=Lock)
    _claims: dict[_Key, _Claim] = field(default_factory=dict)
    #: The runs whose logs say why they wait.
    _said: set[_Key] = field(default_factory=set)

    def admitted(
        self, deployment: Deployment, instance: DagsterInstance, runs: Sequence[DagsterRun]
    ) -> list[DagsterRun]:
        """Those of the runs that may leave their queue now, in the same order.

        The log of every other one says once why it waits.
        """
        if not runs:
            return []
        with self._lock:
            return list(self._admit(deployment, instance, runs))

    def _admit(
        self, deployment: Deployment, instance: DagsterInstance, runs: Sequence[DagsterRun]
    ) -> Iterator[DagsterRun]:
        control = self.instances.control
        limits, now = control.run_limits.of_branches(SYSTEM), control.clock()
        keys = self._under_way(now)
        counts: dict[str, int] = {}
        for key in keys:
            counts[key.deployment] = counts.get(key.deployment, 0) + 1
        by_tag = self._tag_counter(limits, keys)
        self._said = {each for each in self._said if each.deployment != deployment.name} | {
            each for run in runs if (each := _Key(deployment.name, run.run_id)) in self._said
        }
        for run in runs:
            objection = limits.objection(deployment.name, counts)
            if objection is None and by_tag is not None and by_tag.is_blocked(run):
                objection = "a limit in branch_deployment_tag_concurrency_limits is reached"
            if objection is not None:
                self._say(_Key(deployment.name, run.run_id), instance, run, objection)
                continue
            counts[deployment.name] = counts.get(deployment.name, 0) + 1
            if by_tag is not None:
                by_tag.update_counters_with_launched_item(run)
            self._claims[_Key(deployment.name, run.run_id)] = _Claim(run=run, at=now)
            yield run

    def _under_way(self, now: float) -> set[_Key]:
        found = self.instances.control.run_limits.runs_of_branches(SYSTEM)
        keys = {_Key(name, run_id) for name, run_ids in found.items() for run_id in run_ids}
        self._claims = {
            key: claim
            for key, claim in self._claims.items()
            if key not in keys and 0 <= now - claim.at < _CLAIM_SECONDS
        }
        return keys | set(self._claims)

    def _tag_counter(
        self, limits: BranchLimits, keys: set[_Key]
    ) -> TagConcurrencyLimitsCounter | None:
        if not limits.tag_limits:
            return None
        runs = [self._claims[key].run for key in keys if key in self._claims]
        for name in sorted({key.deployment for key in keys}):
            run_ids = sorted(
                key.run_id for key in keys if key.deployment == name and key not in self._claims
            )
            if run_ids:
                runs += self._runs_of(name, run_ids)
        return TagConcurrencyLimitsCounter([dict(each) for each in limits.tag_limits], runs)

    def _runs_of(self, name: str, run_ids: Sequence[str]) -> Sequence[DagsterRun]:
        try:
            deployment = self.instances.control.deployments.named(SYSTEM, name)
            return self.instances.get(deployment).get_runs(RunsFilter(run_ids=run_ids))
        except DeploymentNotFoundError:
            # It was deleted meanwhile.
            return []

    def _say(self, key: _Key, instance: DagsterInstance, run: DagsterRun, objection: str) -> None:
        if key not in self._said:
            self._said.add(key)
            instance.report_engine_event(
                f"This run waits in the run queue: {objection}. {_RAISE}", run
            )


class BranchRunQueueDaemon(RunQueueDaemon):
    """The run queue of a branch deployment, which has limits that it shares with others."""

    def __init__(
        self,
        interval_seconds: float,
        control: Control,
        deployment: Deployment,
        branch_runs: BranchRuns,
    ) -> None:
        super().__init__(interval_seconds, control, deployment)
        self._branch_runs = branch_runs

    def _get_runs_to_dequeue(
        self,
        instance: DagsterInstance,
        concurrency_config: ConcurrencyConfig,
        fixed_iteration_time: float | None,
    ) -> list[DagsterRun]:
        found = super()._get_runs_to_dequeue(instance, concurrency_config, fixed_iteration_time)
        return self._branch_runs.admitted(self._deployment, instance, found)
