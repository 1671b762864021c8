"""A control plane for CI files to deploy to: `dagstead up`, and an agent that takes images."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagstead.repository.files import read_project
from dagstead.repository.workflows.generation import generate, write
from dagstead.repository.workflows.options import DeployTool, Options
from dagstead.store.all import Store, open_store
from tests.support.agents import OfficialAgent
from tests.support.cli_site import ImageAgentSetup
from tests.support.deployment import USER_CODE, DeploymentClient
from tests.support.environments import (
    REPOSITORY,
    Environment,
    client_environment,
    own_environment,
)
from tests.support.pex import borrowing_wheel
from tests.support.pool_plane import PROD, Plane, running_plane
from tests.support.workflow_runner.gitlab import Lab
from tests.support.workflow_runner.hub import Hub
from tests.support.workflow_runner.repository import Clone

MONOREPO = REPOSITORY / "examples" / "monorepo"
QUEUE = "hybrid-queue"

#: What PEX files are built for: the Python that is here.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: What the example's own code needs, and what stands in for it does not.
_HEAVY = re.compile(r'^ *"(pandas|vega-datasets)\b.*\n', re.MULTILINE)

_DAGSTER = re.compile(r"\b(dagster(?:-cloud)?)==[\d.]+")

#: Where the launcher is.
_PLUGINS = Path(__file__).parent / "plugins"


@dataclass(frozen=True, kw_only=True)
class WorkflowSite:
    """Running, with a full deployment ``prod``."""

    plane: Plane
    store: Store

    def hub(self, folder: Path, options: Options) -> tuple[Hub, Clone]:
        """The example on GitHub, with its workflows and settings, and a person's clone of it."""
        clone = _repository(folder, options)
        return self.hub_of(folder, clone, _environment(options)), clone

    def hub_of(self, folder: Path, clone: Clone, environment: Environment) -> Hub:
        """Any repository on GitHub."""
        return Hub(
            folder=folder,
            origin=clone.origin,
            environment=environment,
            variables=self._settings(),
            secrets=self._secrets(),
        )

    def lab(self, folder: Path, options: Options) -> tuple[Lab, Clone]:
        """The same on GitLab."""
        clone = _repository(folder, options)
        return self.lab_of(folder, clone, _environment(options)), clone

    def lab_of(self, folder: Path, clone: Clone, environment: Environment) -> Lab:
        """Any repository on GitLab."""
        return Lab(
            folder=folder,
            origin=clone.origin,
            environment=environment,
            variables={**self._settings(), **self._secrets()},
            masked=("DAGSTER_CLOUD_API_TOKEN", "REGISTRY_PASSWORD"),
        )

    def _settings(self) -> dict[str, str]:
        return {"DAGSTER_CLOUD_URL": self.plane.url}

    def _secrets(self) -> dict[str, str]:
        return {
            "DAGSTER_CLOUD_API_TOKEN": self.plane.token,
            "REGISTRY_USERNAME": "pusher",
            "REGISTRY_PASSWORD": "a password of the registry",
        }

    def commits(self, deployment: str = PROD) -> dict[str, str | None]:
        """The commit that each location of a deployment was deployed from."""
        return {
            each.name: each.document.get("git", {}).get("commit_hash")
            for each in self.store.locations.all(deployment)
        }

    def statuses(self, deployment: str = PROD) -> dict[str, str]:
        """Of each location of a deployment, with its error when it has one."""
        with self.client(deployment) as client:
            found = client.locations()
        return {name: each.error or each.load_status for name, each in found.items()}

    def delete(self, location: str) -> None:
        """Remove a location, which a next test does not expect."""
        with self.client(PROD) as client:
            client.delete_location(location)

    def client(self, deployment: str = PROD) -> closing[DeploymentClient]:
        """A person's client of a deployment."""
        return closing(DeploymentClient(self.plane.url, deployment, self.plane.token))


@contextmanager
def running_workflow_site(
    folder: Path, *, queue: str = QUEUE, code: Path = USER_CODE
) -> Iterator[WorkflowSite]:
    """Start everything; stop it in the end.

    Args:
        folder: for all of it.
        queue: which the agent for images serves.
        code: what stands in for the contents of the hybrid location's image.
    """
    with ExitStack() as stack:
        plane = stack.enter_context(running_plane(folder))
        store = open_store(
            database_url=f"sqlite:///{plane.data / 'dagstead.db'}",
            blobs_folder=plane.data / "blobs",
            clock=lambda: 0.0,
        )
        stack.callback(store.close)
        setup = ImageAgentSetup(
            label="image",
            token=_agent_token(plane, queue),
            deployments=[PROD],
            queues=[queue],
            default_queue=False,
            branch_deployments=True,
            variables={"PYTHONPATH": os.pathsep.join(map(str, (_PLUGINS, code)))},
        )
        agent = stack.enter_context(OfficialAgent(plane, own_environment(), setup))
        agent.wait_until_ready()
        yield WorkflowSite(plane=plane, store=store)


def _environment(options: Options) -> Environment:
    return own_environment() if options.tool is DeployTool.DAGSTEAD else client_environment()


def _repository(folder: Path, options: Options) -> Clone:
    """The example with its CI files, and with light code: it is loaded once for each deploy."""
    clone = Clone.create(folder / "clone", folder / "origin.git")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(MONOREPO, clone.folder, dirs_exist_ok=True, ignore=ignore)
    weather = clone.folder / "weather"
    shutil.rmtree(weather / "src" / "weather")
    shutil.copytree(USER_CODE / "weather", weather / "src" / "weather", ignore=ignore)
    project = weather / "pyproject.toml"
    needs = _HEAVY.sub("", project.read_text(encoding="utf-8"))
    if options.tool is DeployTool.DAGSTEAD:
        # `tests/containers` has our builder take the real one; here the official CLI does.
        wheels = folder / "wheels"
        wheels.mkdir()
        needs = _DAGSTER.sub(
            lambda found: f"{found[1]} @ {borrowing_wheel(wheels, found[1]).as_uri()}", needs
        )
        needs += "\n[tool.hatch.metadata]\nallow-direct-references = true\n"
    project.write_text(needs, encoding="utf-8")
    write(clone.folder, generate(read_project(clone.folder), options))
    return clone


def _agent_token(plane: Plane, queue: str) -> str:
    words = ("token", "create", "--name", "image", "--kind", "agent", "--queue", queue)
    made = subprocess.run(
        [own_environment().program("dagstead"), *words, "--data", plane.data],
        check=True,
        capture_output=True,
        text=True,
        env=own_environment().variables(),
    )
    return made.stdout.strip()
