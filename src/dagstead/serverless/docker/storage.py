"""What steps of one run store for later runs: a volume for each deployment."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import docker.errors
import docker.types
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.serverless.docker import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from docker.models.containers import Container

    from dagstead.serverless.docker_choice import DockerChoice

_PARENT = "/opt/dagstead"
_NAME = "storage"
#: Where the volume is in a container.
STORAGE = f"{_PARENT}/{_NAME}"
#: Images may have any user: whoever runs a location of the deployment may write.
_MODE = 0o1777


def volume_of(choice: DockerChoice, deployment: str) -> str:
    """The name of a deployment's volume: names of deployments have more letters than Docker's."""
    digest = hashlib.sha256(deployment.encode()).hexdigest()[:16]
    return f"dagstead-{choice.pool}-{digest}"


def storage_of(choice: DockerChoice, deployment: str) -> docker.types.Mount:
    """The volume, as a container gets it; it is made with the first one."""
    marks = {labels.POOL: choice.pool, labels.DEPLOYMENT: deployment}
    return docker.types.Mount(
        target=STORAGE, source=volume_of(choice, deployment), type="volume", labels=marks
    )


def remove_deleted(
    pool: str, existing: Callable[[Sequence[str]], Collection[str] | None]
) -> list[str]:
    """Remove the volumes of deleted deployments.

    One that a container still has is kept for now: containers of ended runs go after some days.

    Args:
        pool: its name.
        existing: which of some deployments exist; ``None`` when the control plane does not say.

    Returns:
        The names of the deployments.
    """
    volumes = docker_client_from_env().volumes.list(
        filters=labels.wanted(pool, [labels.DEPLOYMENT])
    )
    named = {str(each.attrs["Labels"][labels.DEPLOYMENT]): each for each in volumes}
    known = existing(sorted(named)) if named else None
    removed: list[str] = []
    for name in sorted(named) if known is not None else ():
        if name not in (known or ()):
            try:
                named[name].remove()
            except docker.errors.APIError:
                continue
            removed.append(name)
    return removed


def open_storage(container: Container) -> None:
    """Let whatever user an image has write to the volume, before the container starts."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        folder = tarfile.TarInfo(_NAME)
        folder.type, folder.mode = tarfile.DIRTYPE, _MODE
        tar.addfile(folder)
    docker_client_from_env().api.put_archive(container.id, _PARENT, archive.getvalue())
