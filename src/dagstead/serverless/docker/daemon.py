"""The Docker daemon as it fails: away, ending in the middle of an answer, or with a full disk."""

from __future__ import annotations

from typing import Final

import docker.errors
import requests
import urllib3
from dagster_cloud.workspace.docker.utils import docker_client_from_env

#: What Docker's client raises: errors of its own, and those of the libraries below it when the
#: daemon ends while it answers.
DOCKER_ERRORS: Final = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
#: The system's words, in whatever Docker or a program in a build was writing.
_FULL = "no space left on device"


def answers() -> bool:
    """Whether the daemon answers now."""
    try:
        return bool(docker_client_from_env().ping())
    except DOCKER_ERRORS:
        return False


def advice_on_full_disk(said: str) -> str | None:
    """What to do when Docker's disk was full; ``None`` when it was not.

    Args:
        said: Docker's error.
    """
    if _FULL not in said.lower():
        return None
    return (
        "The disk of Docker on the pool's machine is full: make room there (`docker system df` "
        "shows what takes it), and deploy again."
    )
