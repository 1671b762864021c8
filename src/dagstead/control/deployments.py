"""Deployments: who may see which, and how they come and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.settings_form import deployment_settings_errors
from dagstead.errors import DeploymentNotFoundError, InvalidInputError
from dagstead.plane.blobs import BlobKind
from dagstead.plane.deployments import Branch, Deployment, branch_deployment_name

#: The kinds of files that belong to a deployment; all deployments share PEX files.
_OF_A_DEPLOYMENT = (BlobKind.SNAPSHOT, BlobKind.ARTIFACT, BlobKind.LOG)


@dataclass(frozen=True, slots=True)
class Deployments:
    """Acts on deployments, and views of them."""

    _backend: Backend

    def granted(self, actor: Actor) -> list[Deployment]:
        """The deployments that the actor may see, by name."""
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
        try:
            found = self._backend.store.deployments.get(name)
        except DeploymentNotFoundError:
            # The holder of a limited token must not learn which other deployments exist.
            actor.require_name(name)
            raise
        actor.require_deployment(found)
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
        return self._backend.store.deployments.create(name)

    def open_branch(self, actor: Actor, branch: Branch, base: str | None) -> Deployment:
        """Make or update the deployment of a branch; a closed pull request closes it.

        Raises:
            ForbiddenError: when the actor may not use branch deployments of the repository.
            DeploymentNotFoundError: when no deployment has the name ``base``.
        """
        name = branch_deployment_name(branch.repo_name, branch.branch_name)
        actor.require_branch(name, branch.repo_name)
        if base:
            self._backend.store.deployments.get(base)
        deployment = self._backend.store.deployments.create_or_update_branch(branch, base)
        self._backend.bell.ring(bell.locations(name))
        return deployment

    def set_settings(
        self, actor: Actor, deployment: Deployment, settings: Mapping[str, Any]
    ) -> Deployment:
        """Replace a deployment's settings.

        Raises:
            ForbiddenError: when the actor may not change the whole deployment.
            InvalidInputError: with all mistakes in them.
        """
        actor.require_change(deployment, "changing a deployment's settings")
        errors = deployment_settings_errors(settings)
        if errors:
            raise InvalidInputError(" ".join(errors))
        return self._backend.store.deployments.set_settings(deployment.name, settings)

    def delete(self, actor: Actor, deployment: Deployment) -> None:
        """Remove a deployment with everything that belongs to it: locations, runs, events, files.

        Raises:
            ForbiddenError: for a limited actor, unless it may use this branch deployment.
            LastDeploymentError: when it is the last full one.
        """
        if deployment.is_branch:
            actor.require_change(deployment, "deleting a deployment")
        else:
            actor.require_organization("Deleting a full deployment")
        store = self._backend.store
        store.deployments.delete(deployment.name)
        self._backend.orchestration.drop(deployment)
        for kind in _OF_A_DEPLOYMENT:
            store.blobs.delete_scope(kind, deployment.name)
        self._backend.bell.ring(bell.locations(deployment.name), bell.releases(deployment.name))
