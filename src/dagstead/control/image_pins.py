"""Pins the images of a release to their content, where the installation's registry has them.

A tag may be pushed again at any time, by others of the same repository too. So a release names the
digest that somebody pushed who may deploy the same without anybody's help, as for PEX files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagstead.control.backend import Backend
from dagstead.errors import InvalidInputError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation, image_of
from dagstead.plane.pex_files import Uploader
from dagstead.plane.registry import OwnImage, PushedImage
from dagstead.plane.release_retention import deploys_in


@dataclass(frozen=True, slots=True)
class ImagePins:
    """Finds the images of one release."""

    backend: Backend
    deployment: Deployment
    #: Who begins the release.
    uploader: Uploader

    def pin(self, new: Sequence[NewLocation]) -> tuple[list[NewLocation], list[str]]:
        """The locations with pinned images.

        Returns:
            The locations, and one sentence for every image that they cannot have.
        """
        registry = self.backend.registry
        pinned, errors = [], []
        for location in new:
            try:
                image = OwnImage.named(location.image or "", registry.host) if registry else None
                pinned.append(location if image is None else self._pinned(location, image))
            except InvalidInputError as error:
                pinned.append(location)
                errors.append(f"Location {location.name!r}: {error.message}")
        return pinned, errors

    def _pinned(self, location: NewLocation, image: OwnImage) -> NewLocation:
        pushed = self.backend.store.pushed_images.within([image.repository])
        meant = [each for each in pushed if each.is_meant(image)]
        for each in meant:
            if each.uploader.may_supply(self.deployment, location.name, self.uploader):
                return location.with_image(f"{_without_digest(location.image)}@{each.digest}")
        if image.digest is not None and location.image in self._deployed_before(location.name):
            # A rollback, or somebody deploys again what is there.
            return location
        raise InvalidInputError(self._why_not(location, image, meant))

    def _deployed_before(self, name: str) -> Iterator[str | None]:
        rows = self.backend.store.releases.rows(self.deployment.name)
        return (
            image_of(deploy.document)
            for deploy in deploys_in(rows)
            if deploy.document.get("location_name") == name
        )

    def _why_not(self, location: NewLocation, image: OwnImage, meant: Sequence[PushedImage]) -> str:
        if meant:
            # Names of others' tokens are for those who may list tokens.
            by = repr(meant[0].by) if self.uploader.is_organization else "somebody else"
            return (
                f"image {location.image} was pushed by {by}, whose token may not deploy this "
                f"location to {self.deployment.name!r} itself, so it is not used there. Build and "
                "push it again with the token that deploys it."
            )
        what = "with this digest" if image.digest else "under this tag"
        return (
            f"image {location.image} was not pushed to this installation's registry {what}. Its "
            "push may have failed: build it again, and look at what `docker push` says."
        )


def _without_digest(image: str | None) -> str:
    return (image or "").partition("@")[0]
