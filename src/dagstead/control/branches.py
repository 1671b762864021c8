"""Branch deployments: what they are compared with, and the end of those that nobody uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import InvalidInputError
from dagstead.plane.branches import (
    BaseDefinitions,
    BaseSnapshot,
    BranchAge,
    BranchRecord,
    SnapshotCondition,
    base_of,
    keeps_snapshot,
)
from dagstead.plane.comparisons import Comparison
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION


@dataclass(frozen=True, slots=True)
class Branches:
    """Acts on branch deployments, and views of them."""

    _backend: Backend

    def base_definitions(self, actor: Actor, deployment: Deployment) -> BaseDefinitions | None:
        """What a branch deployment is compared with.

        ``None`` for full deployments, and where the base is deleted.
        """
        actor.require_reading(deployment, "comparing a branch deployment")
        if not deployment.is_branch:
            return None
        record = self._backend.store.branches.get(deployment.name)
        snapshot = None if record is None else record.snapshot
        full = _full(self._backend)
        name = base_of(deployment, full) if snapshot is None else snapshot.base
        base = None if name is None else full.get(name)
        return None if base is None else BaseDefinitions(base=base, snapshot=snapshot)

    def compare(self, actor: Actor, deployment: Deployment) -> Comparison:
        """What the code of a branch deployment changes.

        Raises:
            ForbiddenError: when the actor may not see the whole deployment.
            InvalidInputError: for a full deployment, and when the base is deleted.
        """
        found = self.base_definitions(actor, deployment)
        if found is None:
            raise InvalidInputError(
                f"Deployment {deployment.name!r} is not one of a branch, or its base is deleted: "
                "there is nothing to compare it with. See `dagstead deployment list`."
            )
        changes = self._backend.orchestration.compare(deployment, found)
        return Comparison(
            base=found.base.name,
            taken_at=None if found.snapshot is None else found.snapshot.taken_at,
            changes=tuple(changes),
        )

    def closing_times(self, actor: Actor) -> Mapping[str, float]:
        """When every open branch deployment is closed that nobody uses until then.

        Raises:
            ForbiddenError: for agents.
        """
        actor.require_user()
        age = BranchAge.of(self._backend.store.properties.organization_settings())
        if age.close_after_seconds is None:
            return {}
        times = self._backend.store.branches.activity(ORGANIZATION).items()
        closes = {name: age.closes_at(last) for name, last in times}
        return {name: at for name, at in closes.items() if at is not None}

    def unused(self, actor: Actor) -> list[Deployment]:
        """The open branch deployments that nobody has used for so long that they are to be closed.

        One with a run that has not ended, or that began lately, is used.
        """
        actor.require_system("Closing branch deployments")
        store, now = self._backend.store, self._backend.now()
        overdue = {name for name, at in self.closing_times(actor).items() if at <= now}
        age = BranchAge.of(store.properties.organization_settings())
        return [
            deployment
            for deployment in (store.deployments.all() if overdue else ())
            if deployment.name in overdue and self._is_unused(deployment, age, now)
        ]

    def close(self, actor: Actor, deployment: Deployment) -> None:
        """Close a branch deployment: its agents and daemons stop, and its history stays."""
        actor.require_system("Closing branch deployments")
        self._backend.store.deployments.close(deployment.name)
        self._backend.bell.ring(bell.locations(deployment.name))

    def _is_unused(self, deployment: Deployment, age: BranchAge, now: float) -> bool:
        orchestration = self._backend.orchestration
        if orchestration.unfinished(deployment):
            return False
        newest = orchestration.newest_run_at(deployment)
        closes_at = None if newest is None else age.closes_at(newest)
        return closes_at is None or closes_at <= now


def record_opening(
    backend: Backend, deployment: Deployment, condition: SnapshotCondition | None
) -> None:
    """Record that CI has made or updated a branch deployment, and keep what its base has now."""
    store = backend.store.branches
    before = store.get(deployment.name)
    snapshot = before.snapshot if before is not None else None
    if not keeps_snapshot(condition, before):
        snapshot = None if condition is None else _snapshot(backend, deployment)
    store.put(
        BranchRecord(
            deployment=deployment.name,
            opened_at=backend.now(),
            condition=condition,
            snapshot=snapshot,
        )
    )


def _snapshot(backend: Backend, deployment: Deployment) -> BaseSnapshot | None:
    base = base_of(deployment, _full(backend))
    if base is None:
        return None
    return BaseSnapshot(
        base=base,
        taken_at=backend.now(),
        manifests={
            location.name: location.manifest
            for location in backend.store.locations.all(base)
            if location.manifest is not None
        },
    )


def _full(backend: Backend) -> Mapping[str, Deployment]:
    every = backend.store.deployments.all()
    return {each.name: each for each in every if not each.is_branch}
