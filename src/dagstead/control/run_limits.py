"""Views of the limits that settings put on runs, beside those that Dagster's run queue keeps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import DeploymentNotFoundError
from dagstead.plane.branch_limits import BranchLimits, BranchRun
from dagstead.plane.deployments import Deployment
from dagstead.plane.isolation import IsolationPolicy
from dagstead.plane.organization import ORGANIZATION


@dataclass(frozen=True, slots=True)
class RunLimits:
    """What the run queue and launches ask before they go on."""

    _backend: Backend

    def why_isolated(self, actor: Actor, deployment: Deployment, run_id: str) -> str | None:
        """Why a run that asks for its code server gets a worker of its own, as a clause.

        ``None`` when it may be executed in its code server.
        """
        actor.require_system("Launching runs")
        others = {
            launch.run_id
            for launch in self._backend.store.launches.open(deployment.name)
            if launch.tags.in_code_server and launch.run_id != run_id
        }
        return IsolationPolicy.of(deployment.settings).objection(others)

    def of_branches(self, actor: Actor) -> BranchLimits:
        """What runs of branch deployments share."""
        actor.require_system("Launching runs")
        return BranchLimits.of(self._backend.store.properties.organization_settings())

    def branch_runs(self, actor: Actor) -> Sequence[BranchRun]:
        """The runs in progress in branch deployments; with their tags, if limits count them."""
        actor.require_system("Launching runs")
        found = self._backend.store.launches.in_branches(ORGANIZATION)
        if not self.of_branches(actor).tags:
            return [BranchRun(deployment=name, run_id=run_id) for name, run_id in found]
        by_deployment: dict[str, list[str]] = defaultdict(list)
        for name, run_id in found:
            by_deployment[name].append(run_id)
        return [
            run
            for name, run_ids in by_deployment.items()
            for run in _with_tags(self._backend, name, run_ids)
        ]


def _with_tags(backend: Backend, name: str, run_ids: Sequence[str]) -> list[BranchRun]:
    try:
        deployment = backend.store.deployments.get(name)
    except DeploymentNotFoundError:
        # It was deleted meanwhile.
        return []
    queue = backend.orchestration.run_queue(deployment, run_ids)
    tags = {run.run_id: run.tags for run in (*queue.active, *queue.queued)}
    return [
        BranchRun(deployment=name, run_id=run_id, tags=tags.get(run_id, {})) for run_id in run_ids
    ]
