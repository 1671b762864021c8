"""A control plane with two agents, and what a CI job needs to deploy to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.command_records import Recorder
from tests.support.control_plane import ControlPlane
from tests.support.deployment import USER_CODE, DeploymentClient
from tests.support.environments import own_environment
from tests.support.official_cli import OfficialCli

#: The queue of the agent that takes images; the other agent serves the default queue.
IMAGE_QUEUE = "image-queue"

#: The launcher, and what the images of these tests would hold.
_IMPORTABLE = os.pathsep.join([str(Path(__file__).parent / "plugins"), str(USER_CODE)])


@dataclass(frozen=True)
class ImageAgentSetup(AgentSetup):
    """An agent that stands for one with Docker: see ``tests.support.plugins.local_images``."""

    def configuration(self, url: str) -> dict[str, object]:
        launcher = {"module": "local_images", "class": "LocalImageLauncher"}
        return {**super().configuration(url), "user_code_launcher": launcher}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Running, with a deployment ``prod``."""

    plane: ControlPlane
    prod: DeploymentClient
    #: Of all commands that are run here.
    recorder: Recorder

    def cli(self, folder: Path, **changes: Any) -> OfficialCli:
        """The official command lines of one CI job."""
        token = self.plane.user_token("a CI job")
        job = OfficialCli(url=self.plane.url, token=token, folder=folder, recorder=self.recorder)
        return replace(job, **changes)


def with_docker(cli: OfficialCli) -> OfficialCli:
    """The same job with a ``docker`` on its PATH, which this machine need not have."""
    programs = cli.folder / "programs"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> "{cli.folder}/docker.log"\n', encoding="utf-8")
    docker.chmod(0o755)
    path = cli.environment.variables()["PATH"]
    return replace(cli, more={"PATH": f"{programs}:{path}"})


@contextmanager
def running_site(folder: Path, recorder: Recorder) -> Iterator[Site]:
    """Start everything; stop it in the end."""
    with ControlPlane(folder) as plane:
        prod = plane.deployment("prod")
        plain = AgentSetup(
            label="plain",
            token=plane.agent_token("plain"),
            deployments=["prod"],
            branch_deployments=True,
        )
        image = ImageAgentSetup(
            label="image",
            token=plane.agent_token("image"),
            deployments=["prod"],
            queues=[IMAGE_QUEUE],
            default_queue=False,
            branch_deployments=True,
            variables={"PYTHONPATH": _IMPORTABLE},
        )
        with (
            OfficialAgent(plane, own_environment(), plain) as one,
            OfficialAgent(plane, own_environment(), image) as two,
        ):
            one.wait_until_ready()
            two.wait_until_ready()
            yield Site(plane=plane, prod=prod, recorder=recorder)
        prod.close()
