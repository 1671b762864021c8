"""Views of the limits that settings put on runs, beside those that Dagster's run queue keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.plane.branch_limits import BranchLimits
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

    def runs_of_branches(self, actor: Actor) -> Mapping[str, frozenset[str]]:
        """The runs that are in progress in branch deployments, by deployment."""
        actor.require_system("Launching runs")
        found: dict[str, frozenset[str]] = {}
        for deployment, run_id in self._backend.store.launches.in_branches(ORGANIZATION):
            found[deployment] = found.get(deployment, frozenset()) | {run_id}
        return found
