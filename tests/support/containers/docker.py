"""The Docker client, as the tests use it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from tests.support.containers.base_image import (
    BASE_IMAGE,
    base_dockerfile,
    base_fingerprint,
    write_base_image,
)
from tests.support.containers.daemon import docker_program

#: Downloads and unpacks packages, on a busy machine.
_BUILD_SECONDS = 600.0
_COMMAND_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network for containers, which reaches this machine by its gateway."""

    name: str
    #: The machine's address in it: what listens there is reached from containers and from here,
    #: and from nowhere else.
    gateway: str


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A daemon's client, with a configuration of its own: no one's logins are used."""

    #: Holds the client's configuration.
    folder: Path

    def variables(self) -> dict[str, str]:
        """The environment with which another program's ``docker`` is this one, with BuildKit."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}
        path = f"{docker_program().parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
        return {
            **kept,
            "PATH": path,
            "DOCKER_CONFIG": str(self.folder),
            "DOCKER_BUILDKIT": "1",
        }

    def choice(self) -> dict[str, str]:
        """The variables alone by which another program's ``docker`` is this one."""
        every = self.variables()
        return {name: every[name] for name in ("PATH", "DOCKER_CONFIG", "DOCKER_BUILDKIT")}

    def run(
        self,
        *arguments: str | Path,
        seconds: float = _COMMAND_SECONDS,
        with_errors: bool = False,
    ) -> str:
        """The output of a Docker command, what it said on standard error too if asked for.

        Raises:
            AssertionError: with what it said, when it fails.
        """
        ended = subprocess.run(
            [docker_program(), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=self.variables(),
            check=False,
        )
        said = f"docker {' '.join(map(str, arguments))} ended with {ended.returncode}:\n"
        assert ended.returncode == 0, said + ended.stdout + ended.stderr
        return (ended.stdout + (ended.stderr if with_errors else "")).strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What Docker knows of a container, image, network or volume."""
        found: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", name))
        return found[0]

    def containers(self, *labels: str) -> list[dict[str, Any]]:
        """The containers with these labels (NAME or NAME=VALUE), running or not."""
        filters = [f"--filter=label={each}" for each in labels]
        ids = self.run("container", "ls", "--all", "--quiet", *filters).split()
        return [self.inspect("container", each) for each in ids]

    def build(
        self,
        tag: str,
        context: Path,
        *,
        file: Path | None = None,
        target: str | None = None,
        arguments: Mapping[str, str] | None = None,
    ) -> str:
        """Build an image with BuildKit; its tag."""
        options: Sequence[str] = (
            *((f"--file={file}",) if file else ()),
            *((f"--target={target}",) if target else ()),
            *(f"--build-arg={name}={value}" for name, value in (arguments or {}).items()),
        )
        self.run("build", f"--tag={tag}", *options, context, seconds=_BUILD_SECONDS)
        return tag

    def push(self, image: str, repository: str) -> str:
        """Push an image to a repository of a registry; the reference that pins its digest."""
        name = f"{repository}:{uuid4().hex[:12]}"
        self.run("tag", image, name)
        self.run("push", "--quiet", name, seconds=_BUILD_SECONDS)
        digests: list[str] = self.inspect("image", name)["RepoDigests"]
        self.run("rmi", name)
        return next(each for each in digests if each.startswith(f"{repository}@"))

    def make_network(self) -> Network:
        """A network of a name of its own."""
        name = f"dagstead-{uuid4().hex[:8]}"
        self.run("network", "create", name)
        gateway: str = self.inspect("network", name)["IPAM"]["Config"][0]["Gateway"]
        return Network(name=name, gateway=gateway)

    def remove_network(self, network: Network) -> None:
        """Remove a network and all containers in it, such as those that an agent left."""
        filter_ = f"--filter=network={network.name}"
        ids = self.run("container", "ls", "--all", "--quiet", filter_).split()
        if ids:
            self.run("container", "rm", "--force", "--volumes", *ids)
        self.run("network", "rm", network.name)

    def make_base_image(self) -> str:
        """The image that Dockerfiles begin with, unless it was made already; its name."""
        made = f"dagstead-test/base:{base_fingerprint()}"
        if not self.run("image", "ls", "--quiet", made):
            files = self.make_image_of_files("dagstead-test/base-files")
            text = base_dockerfile(files).encode()
            self._pipe("build", f"--tag={made}", "-", content=lambda to: to.write(text))
        self.run("tag", made, BASE_IMAGE)
        return BASE_IMAGE

    def make_image_of_files(self, tag: str, packages: Sequence[str] = ()) -> str:
        """An image of this machine's own files, with these Debian packages too; its name."""
        self._pipe("import", "-", tag, content=lambda to: write_base_image(to, packages))
        return tag

    def _pipe(self, *arguments: str, content: Callable[[IO[bytes]], object]) -> None:
        """Run a command that reads what ``content`` writes."""
        with subprocess.Popen(
            [docker_program(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=self.variables(),
        ) as process:
            assert process.stdin is not None
            content(process.stdin)
        assert process.returncode == 0, f"docker {arguments} ended with {process.returncode}"
