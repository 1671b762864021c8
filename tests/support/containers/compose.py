"""``compose.yaml`` in a folder of its own, as somebody has it who has cloned the repository."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.containers.docker import Docker
from tests.support.debian import container_program
from tests.support.environments import REPOSITORY

_SECONDS = 400.0


@dataclass(frozen=True, kw_only=True)
class Compose:
    """One installation."""

    docker: Docker
    #: A copy of the repository's files that Compose reads.
    folder: Path
    #: More environment variables: what a person would write to ``.env``.
    settings: Mapping[str, str]

    @classmethod
    def copy(cls, docker: Docker, folder: Path, settings: Mapping[str, str]) -> Compose:
        """Copy the files, start nothing."""
        shutil.copy(REPOSITORY / "compose.yaml", folder)
        shutil.copytree(REPOSITORY / "deploy", folder / "deploy")
        return cls(docker=docker, folder=folder, settings=settings)

    def start(self) -> str:
        """Run ``deploy/compose/start``; what it said."""
        return self._run("deploy/compose/start")

    def dagstead(self, *arguments: str) -> str:
        """A command of ours in the web server's container."""
        return self("exec", "-T", "web", "dagstead", *arguments)

    def __call__(self, *arguments: str) -> str:
        """Run Compose; what it said.

        Raises:
            AssertionError: when it fails.
        """
        return self._run(container_program("/usr/bin/docker-compose"), *arguments)

    def refused(self, *arguments: str) -> str:
        """What Compose says when it fails."""
        ended = self._ended(container_program("/usr/bin/docker-compose"), *arguments)
        assert ended.returncode != 0
        return ended.stderr

    def _run(self, *command: str | Path) -> str:
        ended = self._ended(*command)
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}:\n{ended.stderr}"
        return ended.stdout.strip()

    def _ended(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={
                **self.docker.variables(),
                "COMPOSE": "docker-compose",
                "COMPOSE_PROJECT_NAME": self.folder.name,
                **self.settings,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
