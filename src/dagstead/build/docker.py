"""Builds a location as an image, with the docker command line and BuildKit."""

from __future__ import annotations

import os
import shlex
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from dagstead.build.cache import BuildCache
from dagstead.build.docker_commands import (
    VARIABLES,
    Docker,
    build_command,
    built_digest,
    has_buildkit,
    pushed_digest,
    references,
)
from dagstead.build.docker_failures import explain, explain_daemon, failed_step
from dagstead.build.docker_files import stage
from dagstead.build.model import DockerPlan, PlannedBuild
from dagstead.build.options import BuildOptions
from dagstead.build.programs import ProgramResult, Programs
from dagstead.build.results import Image
from dagstead.build.steps import Steps
from dagstead.errors import BuildError, BuildStepError


class DockerBuilder:
    """Builds images and pushes them. Safe to use from several threads."""

    def __init__(self, options: BuildOptions, programs: Programs) -> None:
        self._options = options.docker
        self._search_path = options.environment.get("PATH")
        self._programs = programs
        self._cache = BuildCache(options.cache)
        self._lock = threading.Lock()
        self._docker: Docker | None = None
        self._is_logged_in = False

    def build(self, planned: PlannedBuild, plan: DockerPlan, steps: Steps) -> Image:
        """Build and push the image of a location.

        Raises:
            BuildError: when there is no usable docker.
            BuildStepError: when it cannot be built or pushed.
        """
        with self._cache.scratch() as scratch:
            metadata = scratch / "metadata.json"
            with steps.step("image") as step:
                docker = self._found()
                self._log_in(docker, plan)
                self._build(docker, planned, plan, metadata, steps)
                step.remark = plan.reference
            digest = built_digest(metadata) if self._options.push else None
        if not self._options.push:
            return Image(reference=plan.reference, tag=plan.reference)
        if digest is None:
            with steps.step("push") as step:
                digest = self._push(docker, planned, plan, steps)
                step.remark = digest
        return Image(reference=f"{plan.repository}@{digest}", tag=plan.reference, digest=digest)

    def _build(
        self,
        docker: Docker,
        planned: PlannedBuild,
        plan: DockerPlan,
        metadata: Path,
        steps: Steps,
    ) -> None:
        dockerfile = stage(planned.directory, plan, metadata.parent)
        command = build_command(docker, planned, plan, self._options, dockerfile, metadata)
        values = {name: value for name, value in self._options.arguments.items() if value}
        ended = self._programs.run(
            command,
            # Files of secrets are named from where the person is.
            folder=Path.cwd(),
            variables={**VARIABLES, **values},
            on_line=steps.line,
        )
        if ended.code != 0:
            raise BuildStepError(
                explain(ended.text, planned, plan),
                output=failed_step(ended.lines),
            )

    def _push(self, docker: Docker, planned: PlannedBuild, plan: DockerPlan, steps: Steps) -> str:
        digests = []
        for reference in references(planned, plan, self._options):
            command = (docker.program, "push", reference)
            ended = self._programs.run(
                command, folder=Path.cwd(), variables=VARIABLES, on_line=steps.line
            )
            if ended.code != 0:
                raise BuildStepError(
                    explain(ended.text, planned, plan),
                    output=ended.lines[-3:],
                    command=shlex.join(command),
                )
            digests.append(pushed_digest(ended.text))
        if digests[0] is None:
            msg = f"docker pushed {plan.reference} but printed no digest. Build it again."
            raise BuildStepError(msg)
        return digests[0]

    def _log_in(self, docker: Docker, plan: DockerPlan) -> None:
        """Log in once, where the image goes to the registry of the login."""
        login = self._options.login
        is_there = login is not None and plan.repository.startswith(f"{login.host}/")
        with self._lock:
            if login is None or not is_there or self._is_logged_in:
                return
            ended = self._programs.run(
                (docker.program, "login", "--username", login.name, "--password-stdin", login.host),
                folder=Path.cwd(),
                given=login.password,
            )
            if ended.code != 0:
                msg = (
                    f"docker cannot log in to {login.host}, the control plane's registry. Docker "
                    "wants TLS for an address that is not of its own machine."
                )
                raise BuildStepError(msg, output=ended.lines[-3:])
            self._is_logged_in = True

    def _found(self) -> Docker:
        """The docker of this machine, looked for once."""
        with self._lock:
            if self._docker is None:
                self._docker = self._find()
            return self._docker

    def _find(self) -> Docker:
        seen = []
        for program in _on_path("docker", self._search_path):
            docker = self._examined(program)
            if docker is not None:
                asked = self._ask(program, "version", "--format", "{{.Server.Version}}")
                if asked.code != 0:
                    raise BuildStepError(explain_daemon(asked.text), output=asked.lines[-3:])
                return docker
            seen.append(program)
        if not seen:
            msg = (
                "docker is not installed here, and images are built with it. Install Docker with "
                "buildx, or take an image from elsewhere: --image LOCATION=IMAGE."
            )
            raise BuildError(msg)
        msg = (
            f"{' and '.join(seen)} cannot build with BuildKit: the plugin buildx is missing. "
            "Install it (the package docker-buildx or docker-buildx-plugin)."
        )
        raise BuildError(msg)

    def _examined(self, program: str) -> Docker | None:
        """A docker that can build, ``None`` for one that cannot."""
        if self._ask(program, "buildx", "version").code == 0:
            return Docker(program=program, has_buildx=True)
        if has_buildkit(self._ask(program, "--version").text):
            return Docker(program=program, has_buildx=False)
        return None

    def _ask(self, *command: str) -> ProgramResult:
        return self._programs.run(command, folder=Path.cwd())


def _on_path(name: str, search_path: str | None) -> Iterator[str]:
    """Every program of a name: the first one may lack what another one has."""
    for folder in dict.fromkeys((search_path or os.defpath).split(os.pathsep)):
        found = shutil.which(name, path=folder) if folder else None
        if found is not None:
            yield found
