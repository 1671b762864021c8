"""Fetches images from registries: the installation's own, where the pool has a login, or others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env
from docker.utils import parse_repository_tag

from dagstead.errors import ContainerError
from dagstead.serverless.docker.daemon import DOCKER_ERRORS, advice_on_full_disk, answers

if TYPE_CHECKING:
    from dagstead.serverless.docker.image_notes import ImageNotes

logger = logging.getLogger("dagstead.serverless.docker")

_USER = "pool"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFetcher:
    """Fetches images. Every method raises Docker's errors when the daemon is away."""

    #: How images of the installation's own registry begin.
    own_host: str
    #: The pool's token, which opens that registry.
    token: str = field(repr=False)
    notes: ImageNotes

    def fetch(self, image: str) -> None:
        """Pull an image; a tag is asked for again, as it may have become another image's.

        Raises:
            ContainerError: the image cannot be had.
        """
        self.notes.needed(image)
        here = identity_of(image)
        if here and "@sha256:" in image:
            return
        is_own = image.startswith(f"{self.own_host}/")
        login = {"username": _USER, "password": self.token} if is_own else None
        try:
            _pull(image, login)
        except (*DOCKER_ERRORS, ContainerError) as error:
            if not answers():
                raise
            if not here:
                raise ContainerError(_not_fetched(image, error)) from error
            logger.warning("Image %s is run as it is on this machine: %s", image, error)
            return
        if identity_of(image) != here:
            self.notes.brought(image)


def is_here(image: str) -> bool:
    """Whether an image is on the daemon's machine."""
    return identity_of(image) is not None


def identity_of(image: str) -> str | None:
    """What an image's name stands for now; ``None`` where it is not on the daemon's machine."""
    try:
        found = docker_client_from_env().api.inspect_image(image)
    except docker.errors.ImageNotFound:
        return None
    return str(found["Id"])


def _pull(image: str, login: dict[str, str] | None) -> None:
    repository, tag = parse_repository_tag(image)
    lines = docker_client_from_env().api.pull(
        repository, tag=tag or "latest", auth_config=login, stream=True, decode=True
    )
    for line in lines:
        # What fails once the answer has begun is one of its lines.
        if "error" in line:
            raise ContainerError(str(line["error"]))


def _not_fetched(image: str, error: Exception) -> str:
    said = str(getattr(error, "explanation", None) or error).strip().rstrip(".")
    next_step = advice_on_full_disk(said) or (
        "Look whether its registry answers, has this image, and lets Docker on the pool's machine "
        "in (`docker pull` there says the same); then deploy again."
    )
    return f"Image {image} cannot be fetched: {said}. {next_step}"
