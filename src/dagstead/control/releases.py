"""Releases: how deploys begin, and how they are ended or rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dagstead.control.actor import Actor
from dagstead.control.availability import would_wait
from dagstead.control.backend import Backend
from dagstead.control.changes import Change, publish
from dagstead.errors import ConflictError, InvalidDocumentError
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Deploy, NewLocation
from dagstead.plane.release_policy import ReleasePolicy, UnservedQueuePolicy
from dagstead.plane.releases import Cause, NewRelease, Release, live_before

#: Makes a new deploy from a document that was deployed before.
Redeploy: TypeAlias = Callable[[Mapping[str, Any]], NewLocation]


@dataclass(frozen=True, slots=True)
class Releases:
    """Acts on a deployment's releases, and views of them."""

    _backend: Backend

    def all(self, actor: Actor, deployment: Deployment, limit: int | None = None) -> list[Release]:
        """The releases, newest first."""
        actor.require_deployment(deployment)
        return self._backend.store.releases.all(deployment.name, limit=limit)

    def get(self, actor: Actor, deployment: Deployment, number: int) -> Release:
        """One release.

        Raises:
            ReleaseNotFoundError: when no release has that number.
        """
        actor.require_deployment(deployment)
        return self._backend.store.releases.get(deployment.name, number)

    def open(self, actor: Actor) -> list[Release]:
        """The loading releases of all deployments."""
        actor.require_system("Watching releases")
        return self._backend.store.releases.open()

    def begin(
        self, actor: Actor, deployment: Deployment, new: NewRelease, *, remove_others: bool = False
    ) -> Release:
        """Begin a release.

        The release records the actor, and the commit of the documents if ``new`` has none. It is
        atomic only if the deployment's policy is.

        Args:
            actor: begins it.
            deployment: to which it deploys.
            new: the release.
            remove_others: whether the deployment's other locations are removed when it goes live.

        Raises:
            ForbiddenError: when the actor may not change one of the locations.
            InvalidDocumentError: when a PEX file was never uploaded, or when no live agent serves
                the queue of a location and the deployment's policy refuses that.
        """
        removes = self._others(deployment, new.locations) if remove_others else new.removes
        actor.require_locations(
            deployment, [*(location.name for location in new.locations), *removes]
        )
        policy = ReleasePolicy.of(deployment.settings)
        waiting = would_wait(
            self._backend, deployment, {location.name: location.queue for location in new.locations}
        )
        errors = self._missing_uploads(new.locations)
        if policy.unserved is UnservedQueuePolicy.REFUSE:
            errors += waiting
        if errors:
            raise InvalidDocumentError(errors)
        git = _git(new.locations)
        release, queues = self._backend.store.releases.begin(
            deployment.name,
            replace(
                new,
                removes=removes,
                atomic=new.atomic and policy.atomic,
                by=actor.name,
                commit_hash=new.commit_hash or git.get("commit_hash"),
                url=new.url or git.get("url"),
                warning=" ".join(waiting) if policy.unserved is UnservedQueuePolicy.WARN else None,
            ),
        )
        publish(self._backend, Change(deployment=deployment, queues=queues, releases=True))
        return release

    def end(self, actor: Actor, deployment: Deployment, number: int, reason: str) -> Release:
        """End a release that is loading: its locations go back to their live versions.

        Args:
            actor: ends it.
            deployment: of the release.
            number: of the release.
            reason: why, as a sentence for people.

        Raises:
            ForbiddenError: when the actor may not change one of its locations.
            ReleaseNotFoundError: when no release has that number.
        """
        actor.require_locations(deployment, ())
        store = self._backend.store.releases
        ending = store.get(deployment.name, number)
        actor.require_locations(
            deployment, [*(part.name for part in ending.parts), *ending.removes]
        )
        outcome = store.end(deployment.name, number, reason)
        publish(self._backend, Change(deployment=deployment, queues=outcome.queues, releases=True))
        return store.get(deployment.name, number)

    def roll_back(
        self, actor: Actor, deployment: Deployment, number: int | None, redeploy: Redeploy
    ) -> Release:
        """Begin a release that restores what was live right after an older one.

        Args:
            actor: begins it.
            deployment: of the releases.
            number: of the older release; ``None`` is the one before the live one.
            redeploy: makes a new deploy from a document.

        Raises:
            ForbiddenError: when the actor may not change one of the locations that differ.
            ReleaseNotFoundError: when no release has that number.
            ConflictError: when there is nothing to go back to.
        """
        actor.require_locations(deployment, ())
        store = self._backend.store.releases
        goal = live_before(store.all(deployment.name)) if number is None else number
        if goal is None:
            raise ConflictError("There is no release to go back to: no other one was live before.")
        changed, removes = self._difference(deployment, store.live_after(deployment.name, goal))
        if not changed and not removes:
            raise ConflictError(
                f"What was live after release {goal} is live now: there is nothing to roll back."
            )
        new = NewRelease(
            locations=[redeploy(deploy.document) for deploy in changed],
            removes=removes,
            cause=Cause.ROLLBACK,
            back_to=goal,
        )
        return self.begin(actor, deployment, new)

    def _difference(
        self, deployment: Deployment, then: Mapping[str, Deploy]
    ) -> tuple[list[Deploy], list[str]]:
        """The deploys that a return to ``then`` needs, and the names of locations it removes."""
        every = self._backend.store.locations.all(deployment.name)
        now = {location.name: location.live for location in every if location.live}
        changed = [
            deploy
            for name, deploy in then.items()
            if name not in now or now[name].deploy_id != deploy.deploy_id
        ]
        return changed, sorted(now.keys() - then.keys())

    def _others(self, deployment: Deployment, new: Sequence[NewLocation]) -> list[str]:
        names = {location.name for location in new}
        every = self._backend.store.locations.all(deployment.name)
        return [location.name for location in every if location.name not in names]

    def _missing_uploads(self, new: Iterable[NewLocation]) -> list[str]:
        """One sentence for every PEX file that was never uploaded.

        The CLI goes on when an upload fails (``pex_registry.upload_files`` drops its own error),
        and the location would fail to load much later, on the pool.
        """
        size = self._backend.store.blobs.size
        return [
            f"Location {location.name!r}: PEX file {file!r} is not stored here. Its upload may "
            "have failed: run `dagster-cloud ci build` again, and look for 'Upload failed'."
            for location in new
            for file in location.pex_files
            if size(BlobKey(BlobKind.PEX, ORGANIZATION, file)) is None
        ]


def _git(new: Sequence[NewLocation]) -> Mapping[str, Any]:
    """The commit of the documents, which is the same for all of a deploy."""
    return next((location.document["git"] for location in new if location.document.get("git")), {})
