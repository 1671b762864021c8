"""Images that the container tests build: ours, and one with the compat tests' locations."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.containers.docker import Docker
from tests.support.deployment import USER_CODE
from tests.support.environments import REPOSITORY


def agent_image(docker: Docker) -> str:
    """The official Docker agent; its name."""
    return docker.build("dagstead-test/agent", REPOSITORY, target="agent")


def dagstead_image(docker: Docker) -> str:
    """The control plane; its name."""
    return docker.build("dagstead-test/dagstead", REPOSITORY)


def location_image(docker: Docker, folder: Path) -> str:
    """The code that compat tests deploy, with Dagster from the agent's image; its name."""
    shutil.copytree(USER_CODE, folder / "code", ignore=shutil.ignore_patterns("__pycache__"))
    lines = [f"FROM {agent_image(docker)}", "WORKDIR /code", "COPY code .", "HEALTHCHECK NONE"]
    (folder / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return docker.build("dagstead-test/location", folder)
