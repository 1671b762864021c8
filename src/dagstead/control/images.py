"""Images in the installation's registry: who may push and pull them, and what was pushed."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.registry import (
    PASSWORD,
    ImageManifest,
    PushedImage,
    Repository,
    folder_of,
    is_digest,
)

#: As long as those of ECR, which is what the CLI asks for.
_PASSWORD_SECONDS = 12 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryLogin:
    """What the client of a registry needs, beside its address."""

    repository: str
    #: Good for half a day, and as long as the token is. Unlike a token it has no ``:``, where the
    #: official CLI would split it.
    password: str


@dataclass(frozen=True, slots=True)
class Images:
    """Acts on repositories of images, and views of them."""

    _backend: Backend

    def login(self, actor: Actor, deployment: Deployment) -> RegistryLogin:
        """Where somebody pushes images for a deployment, and with what.

        Raises:
            ForbiddenError: when the actor is no user, or may deploy nothing there.
        """
        actor.require_user()
        actor.require_locations(deployment, ())
        token = actor.token
        holder = {} if token is None else {"sub": str(token.id)}
        return RegistryLogin(
            repository=Repository.of(deployment.name, actor.uploader).name,
            password=self._backend.store.seals.seal(PASSWORD, holder, _PASSWORD_SECONDS),
        )

    def require_pull(self, actor: Actor, name: str, reference: str) -> None:
        """Refuse unless somebody may read something of a repository.

        Agents pull by digest only. They know that of the locations that they serve, and the images
        of all queues of a deployment are in one repository.

        Args:
            actor: pulls it.
            name: of the repository.
            reference: the digest of an image or of a part of it, or a tag; ``*`` is all tags.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        self._require(actor, Repository.named(name))
        if not (actor.is_system or actor.is_user or is_digest(reference)):
            raise ForbiddenError(
                f"Token {actor.name!r} is no user's, so that it may read images by their digest "
                f"only, and not by {reference!r}. Locations have the digest behind '@'."
            )

    def require_push(self, actor: Actor, name: str) -> None:
        """Refuse unless somebody may write to a repository.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        actor.require_user()
        self._require(actor, Repository.named(name))

    def note_pushed(self, actor: Actor, name: str, reference: str, manifest: ImageManifest) -> None:
        """Record what was pushed; releases take no image that is not recorded.

        Args:
            actor: pushed it.
            name: of the repository.
            reference: the tag, or the digest.
            manifest: of the image.

        Raises:
            ForbiddenError: see :meth:`require_push`.
        """
        actor.require_user()
        self._require(actor, Repository.named(name))
        now = self._backend.now()
        self._backend.store.pushed_images.add(
            PushedImage(
                repository=name,
                tag="" if is_digest(reference) else reference,
                digest=manifest.digest,
                uploader=actor.uploader,
                by=actor.name,
                pushed_at=now,
                needed_at=now,
                size=manifest.size,
                parts=manifest.parts,
            )
        )

    def _require(self, actor: Actor, repository: Repository) -> None:
        deployment = self._deployment(repository)
        if not actor.is_user:
            # Agents pull what their locations run in; the code that a pool runs does not.
            actor.require_deployment(deployment)
            return
        actor.require_locations(deployment, ())
        uploader = actor.uploader
        if not uploader.deploys_whole and repository.namespace != uploader.namespace:
            own = Repository.of(deployment.name, uploader).name
            raise ForbiddenError(
                f"Token {actor.name!r} may deploy only a part of deployment {deployment.name!r}, "
                f"so that its images are in the repository {own}, and not in {repository.name}."
            )

    def _deployment(self, repository: Repository) -> Deployment:
        for deployment in self._backend.store.deployments.all():
            if folder_of(deployment.name) == repository.folder:
                return deployment
        raise ForbiddenError(
            f"Repository {repository.name!r} is of no deployment that this token grants. The "
            "repositories of this registry are called as the deployments are."
        )
