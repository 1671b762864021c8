"""Deployments: who may see which, and how they come and go."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.branches import record_opening
from dagstead.control.settings.form import (
    DEPLOYMENT_FORM,
    IgnoredSetting,
    deployment_settings_errors,
)
from dagstead.errors import DeploymentNotFoundError, ForbiddenError, InvalidInputError
from dagstead.plane.blobs import BlobKind
from dagstead.plane.branches import SnapshotCondition, default_base
from dagstead.plane.deploy_policy import SECTION
from dagstead.plane.deployments import Branch, Deployment, branch_deployment_name
from dagstead.plane.names import NAME_MAX, check_deployment_name, check_readable, check_short
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.roles import Permission
from dagstead.plane.texts import require_small

#: The kinds of files that belong to a deployment; all deployments share PEX files.
_OF_A_DEPLOYMENT = (BlobKind.SNAPSHOT, BlobKind.ARTIFACT, BlobKind.LOG)


#: Every caller's deployment is found among all of them, and they are read as a whole.
_MOST_SETTINGS = 256 * 1024
_MOST_BRANCH = 1000

#: How often runs are looked at that are to end, and how many times.
_LOOK_SECONDS = 0.5
_LOOKS = 60

#: By then, the workers of a deleted deployment have been refused, and have ended.
_GONE_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Deletion:
    """What became of the runs of a deployment that was deleted."""

    #: Runs that were under way and have ended before.
    ended: tuple[str, ...]
    #: Runs that have not: no live agent could end them, or they took too long.
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deployments:
    """Acts on deployments, and views of them."""

    _backend: Backend

    def granted(self, actor: Actor) -> list[Deployment]:
        """The deployments that the actor may see, by name."""
        actor.refuse_code("Listing deployments")
        return [
            deployment
            for deployment in self._backend.store.deployments.all()
            if actor.grants(deployment)
        ]

    def named(self, actor: Actor, name: str) -> Deployment:
        """The deployment of that name.

        Raises:
            ForbiddenError: when the actor may not see it, whether or not it exists.
            DeploymentNotFoundError: when no deployment has that name.
        """
        found = find_deployment(self._backend, actor, name)
        actor.require_reach(found)
        return found

    def numbered(self, actor: Actor, deployment_id: int) -> Deployment:
        """The deployment of that id.

        Raises:
            ForbiddenError: when a limited actor may not see it, whether or not it exists.
            DeploymentNotFoundError: when no deployment has that id.
        """
        for deployment in self.granted(actor):
            if deployment.id == deployment_id:
                return deployment
        actor.require_organization(f"Deployment {deployment_id}")
        raise DeploymentNotFoundError(
            f"There is no deployment with id {deployment_id}. See `dagstead deployment list`."
        )

    def create(self, actor: Actor, name: str) -> Deployment:
        """Make a full deployment.

        Raises:
            ForbiddenError: for a limited actor.
            ConflictError: when a deployment has that name already.
            InvalidInputError: when the name cannot be used.
        """
        actor.require_organization("Creating a deployment")
        self._make_room(name)
        return self._backend.store.deployments.create(name)

    def branch_name(self, actor: Actor, repository: str, branch: str) -> str:
        """The name that the deployment of a branch has, or would have.

        Args:
            actor: who asks: a CI job's own repository counts, however the job calls it.
            repository: as the client reports it.
            branch: the same.

        Raises:
            ForbiddenError: for agents.
        """
        actor.require_user()
        return branch_deployment_name(repository, branch, actor.project)

    def open_branch(
        self,
        actor: Actor,
        branch: Branch,
        base: str | None,
        snapshot: SnapshotCondition | None = None,
    ) -> Deployment:
        """Make or update the deployment of a branch; a closed pull request closes it.

        Args:
            actor: asks for it.
            branch: as the client reports it.
            base: the deployment that it belongs to, if it is named; recorded at first.
            snapshot: when what it is compared with is kept; ``None`` compares with what the base
                has now.

        Raises:
            ForbiddenError: when the actor may not use branch deployments of the repository, or a
                base whose secrets for branch deployments these would get.
            DeploymentNotFoundError: when no deployment has the name ``base``.
            InvalidInputError: when a name has control characters.
        """
        check_readable("The repository", branch.repo_name)
        check_readable("The branch", branch.branch_name)
        check_short("The repository", branch.repo_name, NAME_MAX)
        check_short("The branch", branch.branch_name, _MOST_BRANCH)
        store = self._backend.store.deployments
        name = branch_deployment_name(branch.repo_name, branch.branch_name, actor.project)
        actor.require_branch(name, branch.repo_name)
        self._require_own(actor, name)
        self._make_room(name)
        if base:
            check_deployment_name(base)
            self._require_base(actor, name, base)
        deployment = store.create_or_update_branch(branch.readable, base, actor.project)
        if not deployment.closed:
            record_opening(self._backend, deployment, snapshot)
        self._backend.bell.ring(bell.locations(name))
        return deployment

    def settings(self, actor: Actor, deployment: Deployment) -> Mapping[str, Any]:
        """A deployment's settings as they were set.

        Raises:
            ForbiddenError: when the actor may not see the whole deployment.
        """
        actor.require_user()
        actor.require_reading(deployment, "looking at a deployment's settings")
        return deployment.settings

    def ignored_settings(self, actor: Actor, deployment: Deployment) -> Sequence[IgnoredSetting]:
        """The settings of a deployment that have no effect: an older version has taken them.

        Raises:
            ForbiddenError: when the actor may not see the whole deployment.
        """
        return DEPLOYMENT_FORM.ignored(self.settings(actor, deployment))

    def set_settings(
        self, actor: Actor, deployment: Deployment, settings: Mapping[str, Any]
    ) -> Deployment:
        """Replace a deployment's settings.

        Raises:
            ForbiddenError: when the actor may not change the whole deployment; or its deploy
                policy, which would change.
            InvalidInputError: with all mistakes in them.
        """
        actor.require_change(deployment, "changing a deployment's settings", Permission.CONFIGURE)
        now = self._backend.store.deployments.get(deployment.name).settings
        if (settings.get(SECTION) or {}) != (now.get(SECTION) or {}):
            actor.require_organization(f"Changing {SECTION}, or leaving it out,")
        require_small("This deployment's settings", settings, _MOST_SETTINGS)
        errors = deployment_settings_errors(settings)
        if errors:
            raise InvalidInputError(" ".join(errors))
        return self._backend.store.deployments.set_settings(deployment.name, settings)

    def runs_under_way(self, actor: Actor, deployment: Deployment) -> list[str]:
        """The runs that have not ended, which a deletion would end."""
        actor.require_reading(deployment, "looking at runs")
        return self._backend.orchestration.unfinished(deployment)

    def delete(self, actor: Actor, deployment: Deployment) -> Deletion:
        """Remove a deployment with everything that belongs to it: locations, runs, events, files.

        It first ends the runs that are under way, and waits for their ends, for 30 seconds at most.
        Workers that go on after that are refused at their next event, and end there.

        Raises:
            ForbiddenError: for a limited actor, unless it may use this branch deployment.
            LastDeploymentError: when it is the last full one.
        """
        if deployment.is_branch:
            actor.require_change(deployment, "deleting a deployment", Permission.BRANCH)
        else:
            actor.require_organization("Deleting a full deployment")
        store = self._backend.store.deployments
        store.require_others(deployment.name)
        deletion = self._end_runs(deployment)
        store.delete(deployment.name)
        self._remove_stored(deployment.name)
        if not deletion.left:
            store.forget_leftovers(deployment.name)
        self._backend.bell.ring(bell.locations(deployment.name), bell.releases(deployment.name))
        return deletion

    def sweep(self, actor: Actor) -> list[str]:
        """Remove what deletions have left, as a server was killed or a worker went on.

        Returns:
            The names of the deleted deployments.
        """
        actor.require_system("Removing what deleted deployments have left")
        left = self._backend.store.deployments.leftovers(
            ORGANIZATION, older_than_seconds=_GONE_SECONDS
        )
        for name in left:
            self._clear(name)
        return left

    def _clear(self, name: str) -> None:
        self._remove_stored(name)
        self._backend.store.deployments.forget_leftovers(name)

    def _require_own(self, actor: Actor, name: str) -> None:
        """Refuse the branch deployment of another project, if there is one of that name."""
        try:
            found = self._backend.store.deployments.get(name)
        except DeploymentNotFoundError:
            return
        actor.require_deployment(found)

    def _require_base(self, actor: Actor, name: str, base: str) -> None:
        """Refuse a base that the actor may not use, unless the branch deployment has it anyway."""
        every = self._backend.store.deployments.all()
        has_it = {default_base(each.name for each in every if not each.is_branch)}
        has_it |= {each.base for each in every if each.name == name}
        if base in has_it:
            return
        if not actor.grants_full(base):
            raise ForbiddenError(
                f"{actor.name!r} may not base branch deployments on {base!r}: they would get its "
                "secrets for branch deployments. Leave the base out, or use a token that grants "
                f"{base!r}, too: `dagstead trust add … --branch-deployments --deployment {base}`."
            )
        find_deployment(self._backend, actor, base)

    def _make_room(self, name: str) -> None:
        """Remove what a deleted deployment of this name may have left: a new one begins empty."""
        if name in self._backend.store.deployments.leftovers(ORGANIZATION):
            self._clear(name)

    def _remove_stored(self, name: str) -> None:
        self._backend.orchestration.drop(name)
        for kind in _OF_A_DEPLOYMENT:
            self._backend.store.blobs.delete_scope(kind, name)

    def _end_runs(self, deployment: Deployment) -> Deletion:
        orchestration = self._backend.orchestration
        under_way = set(orchestration.unfinished(deployment))
        asked: set[str] = set()
        reachable: set[str] = set()
        for _ in range(_LOOKS):
            for run_id in sorted(under_way - asked):
                if orchestration.terminate(deployment, run_id):
                    reachable.add(run_id)
            asked |= under_way
            under_way = set(orchestration.unfinished(deployment))
            if under_way <= asked - reachable:
                break
            time.sleep(_LOOK_SECONDS)  # noqa: TID251 - the end of a worker does not ring
        return Deletion(ended=tuple(sorted(asked - under_way)), left=tuple(sorted(under_way)))


def find_deployment(backend: Backend, actor: Actor, name: str) -> Deployment:
    """The deployment of that name, whether or not the actor may see it.

    Raises:
        ForbiddenError: when there is none, and the actor may not know that.
        DeploymentNotFoundError: when there is none, with the names that the actor may see.
    """
    try:
        return backend.store.deployments.get(name)
    except DeploymentNotFoundError as error:
        actor.require_name(name)
        every = [each for each in backend.store.deployments.all() if not each.is_branch]
        names = ", ".join(each.name for each in every if actor.grants(each)) or "none"
        raise DeploymentNotFoundError(
            f"There is no deployment {name!r}. Full deployments: {names}. "
            f"Create it with `dagstead deployment create {name}`."
        ) from error
