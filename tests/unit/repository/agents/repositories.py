"""Small repositories on disk, for what is read from files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from dagstead.model.agents import Agent
from dagstead.repository.agents.discovery import find_agents
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.files import Project, read_project

LOCATIONS = """
    locations:
      - location_name: weather
        code_source: {module_name: weather}
      - location_name: digits
        code_source: {module_name: digits}
        build: {directory: ., registry: registry.example.com/digits}
        agent_queue: hybrid-queue
    """
AGENT = """
    instance_class:
      module: dagster_cloud.instance
      class: DagsterCloudAgentInstance
    dagster_cloud_api:
      agent_token: {env: TOKEN}
      deployment: prod
    user_code_launcher:
      module: dagster_cloud.workspace.docker
      class: DockerUserCodeLauncher
    agent_queues:
      include_default_queue: false
      additional_queues: [hybrid-queue]
    """


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder, with these files in it; texts are dedented."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def repository(folder: Path, files: Mapping[str, str]) -> Project:
    """The same, read."""
    return read_project(written(folder, files))


def found_in(folder: Path, **files: str) -> AgentScan:
    """The agents of a repository of these files; ``a__b_yaml`` is the file ``a/b.yaml``."""
    named = {path.replace("__", "/").replace("_", "."): text for path, text in files.items()}
    return find_agents(repository(folder, named))


def starting(found: AgentScan) -> list[Agent]:
    """The agents that their software does not refuse."""
    return [each for each in found.agents if each.starts]


def only(found: AgentScan) -> Agent:
    """The one agent."""
    (agent,) = found.agents
    return agent


def said(found: AgentScan) -> list[str]:
    """The weights and names of the remarks."""
    return [f"{each.weight} {each.name}" for each in found.remarks]
