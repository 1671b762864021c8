"""The agents of a repository's own files, or of files that are named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dagstead.errors import InvalidInputError
from dagstead.repository.agents.discovery import agent_of_sets, find_agents, named_agents
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.files import ConfigFile, Project, read_file, read_project


def agents_in_files(
    project: Project,
    named: Sequence[str] = (),
    sets: Sequence[str] = (),
    *,
    with_documents: bool = False,
) -> AgentScan:
    """The agents that files define.

    Args:
        project: the repository, whose own files count where none is named.
        named: paths from the current folder; several with commas between are layers of Helm values.
        sets: ``key=value``, laid over the values of every agent that Helm installs.
        with_documents: whether the agents that documents show count, too.

    Raises:
        InvalidInputError: when a file cannot be read or defines no agent, or ``sets`` are not
            ``key=value``.
    """
    # A mistake in them is reported whatever the agents are.
    of_defaults = agent_of_sets(sets)
    if named:
        return sum((_named(project, each, sets) for each in named), AgentScan())
    found = find_agents(project, sets, with_documents=with_documents)
    return found + of_defaults if sets and not found.agents else found


def _named(project: Project, named: str, sets: Sequence[str]) -> AgentScan:
    """The agents of files that are named, whose paths then are relative to the project."""
    paths = [Path(each) for each in named.split(",")]
    layers = [_file(project, each) for each in paths]
    return named_agents(layers, sets, beside=_beside(project, paths[0]))


def _file(project: Project, path: Path) -> ConfigFile:
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = (
            f"The file {str(path)!r}, which --agents names, cannot be read: {error.strerror}. "
            "Its path begins at the folder that you are in."
        )
        raise InvalidInputError(msg) from error
    file = read_file(project.root, _relative(project, path), data=data)
    if file is None:
        msg = (
            f"{str(path)!r} says nothing about agents. It takes an agent's dagster.yaml, values "
            "or a command of the agent's Helm chart, another file that installs an agent, or "
            "agents.yaml."
        )
        raise InvalidInputError(msg)
    return file


def _beside(project: Project, path: Path) -> Project:
    """The files in the folder of a file, with the same paths as that."""
    folder = path.parent
    inner = read_project(folder)
    files = [
        read_file(project.root, _relative(project, folder / each.path), data=each.source.encode())
        for each in inner.files
    ]
    return replace(
        inner, root=project.root, files=tuple(each for each in files if each is not None)
    )


def _relative(project: Project, path: Path) -> str:
    return Path(os.path.relpath(path, project.root)).as_posix()
