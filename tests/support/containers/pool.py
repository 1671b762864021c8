"""What tests know of the managed pool's backend that runs code in containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from dagstead.serverless.docker import labels
from dagstead.serverless.docker.storage import STORAGE
from tests.support.containers.docker import Docker

#: Where the packages of the base image's Python are.
PACKAGES = Path("/opt/agent/lib/python3.11/site-packages")


def pool_with_registry(registry_url: str, **more: str) -> Mapping[str, str]:
    """Variables of a control plane with a registry, whose pool runs code in containers.

    Args:
        registry_url: of the registry.
        more: settings.
    """
    settings = {"pool_backend": "docker", "registry_url": registry_url, **more}
    return {f"DAGSTEAD_{name.upper()}": value for name, value in settings.items()}


@dataclass(frozen=True, kw_only=True)
class Containers:
    """Code servers and runs are containers of a daemon on this machine."""

    docker: Docker
    #: Has the official packages.
    base_image: str
    packages: Path | None = PACKAGES
    started: str = "Launching run in a new container"
    killed: str = "was killed"
    #: Docker remembers how a container ended.
    killed_unseen: str = "was killed"

    def variables(self, folder: Path) -> Mapping[str, str]:
        """PEX files become images; runs wait for files on the volume of their deployment."""
        return {
            "DAGSTEAD_POOL_BACKEND": "docker",
            "DAGSTEAD_POOL_BASE_IMAGE": self.base_image,
            "DAGSTEAD_SECRET_GATES": self.gates_for_code(folder),
        }

    def gates(self, folder: Path, deployment: str) -> Path:
        """The volume of a deployment, as this machine sees it."""
        filters = (
            f"--filter=label={labels.POOL}={pool_name(folder)}",
            f"--filter=label={labels.DEPLOYMENT}={deployment}",
        )
        name = self.docker.run("volume", "ls", "--quiet", *filters)
        return Path(self.docker.inspect("volume", name)["Mountpoint"])

    def gates_for_code(self, folder: Path) -> str:  # noqa: ARG002 - the same for all
        """Where the volume is in containers."""
        return STORAGE

    def user_code(self, folder: Path) -> Iterator[psutil.Process]:
        """What runs in the pool's containers."""
        for container in self.of_pool(folder):
            with suppress(psutil.Error):
                first = psutil.Process(container["State"]["Pid"])
                yield from (first, *first.children(recursive=True))

    def of_pool(self, folder: Path, *named: str) -> list[dict[str, Any]]:
        """The containers of the pool in a folder that run, and have these labels."""
        found = self.docker.containers(f"{labels.POOL}={pool_name(folder)}", *named)
        return [each for each in found if each["State"]["Running"]]


def pool_name(folder: Path) -> str:
    """By which what a pool makes is labelled."""
    return (folder / "data" / "pool" / "docker-name").read_text(encoding="ascii")
