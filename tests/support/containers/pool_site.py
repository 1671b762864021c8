"""A control plane whose managed pool runs code in containers, and what tests ask of it."""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from dagstead.serverless.docker import labels
from dagstead.testing.waiting import eventually
from tests.support.containers.docker import Docker
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError

_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class PoolSite:
    """A control plane with one deployment and a pool on Docker."""

    plane: ControlPlane
    prod: DeploymentClient
    docker: Docker
    registry: Registry
    #: Has Dagster.
    base: str
    _token: list[str] = field(default_factory=list)

    def image(
        self, files: Mapping[str, str], *lines: str, base: str | None = None, push: bool = True
    ) -> str:
        """Build an image with files in its folder; its name in the registry, and nowhere else.

        Args:
            files: contents by name.
            lines: more of the Dockerfile.
            base: what it is made from, in place of an image with Dagster.
            push: whether to keep it in the registry, and take it from Docker.
        """
        name = f"dagstead-test/{uuid4().hex[:12]}"
        folder = self.plane.folder / name
        folder.mkdir(parents=True)
        for path, text in files.items():
            (folder / path).write_text(text, encoding="utf-8")
            (folder / path).chmod(0o755)
        dockerfile = [f"FROM {base or self.base}", "WORKDIR /code", "COPY . .", *lines]
        (folder / "Dockerfile").write_text("\n".join([*dockerfile, ""]), encoding="utf-8")
        self.docker.build(name, folder)
        shutil.rmtree(folder)
        if not push:
            return name
        pinned = self.docker.push(name, self.registry.repository(name))
        self.docker.run("rmi", "--force", self.docker.inspect("image", name)["Id"])
        return pinned

    def servers(self, location: str) -> list[dict[str, Any]]:
        return self.docker.containers(labels.SERVER, f"{labels.LOCATION}={location}")

    def workers(self, run_id: str) -> list[dict[str, Any]]:
        return self.docker.containers(f"{labels.RUN}={run_id}")

    def error_of(self, location: str, words: str, seconds: float = _SECONDS) -> str:
        """The error of a location that does not load, once it has these words; no traceback."""

        def found() -> str | None:
            error = self.prod.location(location).error
            return error if error and words in error else None

        try:
            error = eventually(found, seconds, f"the error of {location}")
        except AssertionError as failure:
            failure.add_note(f"{self.prod.location(location)}")
            raise
        assert "Traceback" not in str(error)
        assert 'File "' not in str(error)
        return str(error)

    def loaded_in_the_end(self, *locations: str) -> None:
        """Wait until locations are loaded that may have failed before."""

        def are_loaded() -> bool:
            found = self.prod.locations()
            return all(
                found[each].load_status == "LOADED" and not found[each].error for each in locations
            )

        try:
            eventually(are_loaded, _SECONDS, "all to be loaded")
        except AssertionError as failure:
            failure.add_note(f"{self.prod.locations()}")
            raise

    def launched(self, location: str, job: str, **more: Any) -> str:
        """A run, as soon as the newest code server of its location answers."""
        launch = partial(self.prod.launch, location, job, **more)
        return str(eventually(launch, 60, f"a launch of {job}", retry_on=(GraphQLRefusedError,)))

    def page(self, location: str) -> str:
        """What the page of a location shows of what its code server printed."""
        if not self._token:
            self._token.append(self.plane.user_token("reader"))
        answer = httpx.get(
            f"{self.plane.url}/-/locations/{self.prod.name}/{location}",
            headers={"Authorization": f"Bearer {self._token[0]}", "Accept": "text/html"},
        )
        assert answer.status_code == httpx.codes.OK, answer.text[:300]
        found = re.search(r"<pre class=\"log\"[^>]*>(.*?)</pre>", answer.text, re.DOTALL)
        return "" if found is None else html.unescape(found[1])


@contextmanager
def pool_site(
    docker: Docker,
    registry: Registry,
    base: str,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> Iterator[PoolSite]:
    """Start one in a folder of its own, with more variables of the server."""
    with ExitStack() as stack:
        plane = stack.enter_context(
            ControlPlane(
                folder,
                pool=True,
                variables={
                    "DAGSTEAD_POOL_BACKEND": "docker",
                    "DAGSTEAD_POOL_BASE_IMAGE": base,
                    **(variables or {}),
                },
            )
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        yield PoolSite(plane=plane, prod=prod, docker=docker, registry=registry, base=base)


def code(*lines: Sequence[str] | str) -> str:
    """A module of a location with a job ``quiet``, and more lines before it."""
    return "\n".join(map(str, lines)) + _QUIET


_QUIET = """
import dagster as dg

@dg.op
def nothing():
    pass

@dg.job(executor_def=dg.in_process_executor)
def quiet():
    nothing()

defs = dg.Definitions(jobs=[quiet])
"""
