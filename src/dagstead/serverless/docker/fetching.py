"""Fetches images from registries: the installation's own, where the pool has a login, or others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.errors import ContainerError

logger = logging.getLogger("dagstead.serverless.docker")

_USER = "pool"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFetcher:
    """Fetches images. Every method raises Docker's errors when the daemon is away."""

    #: How images of the installation's own registry begin.
    own_host: str
    #: The pool's token, which opens that registry.
    token: str = field(repr=False)

    def fetch(self, image: str) -> None:
        """Pull an image; a tag is asked for again, as it may have become another image's.

        Raises:
            ContainerError: the image cannot be had.
        """
        here = is_here(image)
        if here and "@sha256:" in image:
            return
        is_own = image.startswith(f"{self.own_host}/")
        login = {"username": _USER, "password": self.token} if is_own else None
        try:
            docker_client_from_env().images.pull(image, auth_config=login)
        except docker.errors.APIError as error:
            if not here:
                raise ContainerError(_not_fetched(image, error)) from error
            logger.warning("Image %s is run as it is on this machine: %s", image, error)


def is_here(image: str) -> bool:
    """Whether an image is on the daemon's machine."""
    try:
        docker_client_from_env().images.get(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def _not_fetched(image: str, error: docker.errors.APIError) -> str:
    said = str(error.explanation or error).strip()
    return f"Image {image} cannot be fetched: {said}"
