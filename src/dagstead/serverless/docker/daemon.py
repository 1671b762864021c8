"""The Docker daemon as it fails: away, or ending in the middle of an answer."""

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


def answers() -> bool:
    """Whether the daemon answers now."""
    try:
        return bool(docker_client_from_env().ping())
    except DOCKER_ERRORS:
        return False
