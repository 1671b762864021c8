"""Options about agents and locations that commands share, and the agents that they mean."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.agents.scan import AgentScan
    from dagstead.repository.files import ConfigFile, Project

_PANEL = "Which agents there are"

AgentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--agents",
        metavar="FILE",
        help="dagster.yaml, Helm values, compose file or agents.yaml; layers of Helm values with "
        "commas between. May be repeated.",
        rich_help_panel=_PANEL,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="K=V",
        help="Laid over the Helm values, as Helm's --set.",
        rich_help_panel=_PANEL,
    ),
]
NoPoolOption = Annotated[
    bool, typer.Option("--no-pool", help="There is no managed pool.", rich_help_panel=_PANEL)
]
LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        help="The agents that a running control plane hears of; its token is in "
        "DAGSTER_CLOUD_API_TOKEN.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSource:
    """Where a command takes its agents from: these options."""

    agents: Sequence[str] | None = None
    sets: Sequence[str] | None = None
    no_pool: bool = False
    live: bool = False
    url: str | None = None

    def found(self, project: Project) -> AgentScan:
        """The agents, with the pool where it is assumed.

        Raises:
            DagsteadError: when a file, or the control plane, does not tell.
        """
        if not self.live:
            return _in_files(project, self.agents or [], self.sets or [], no_pool=self.no_pool)
        _refuse_with_live(self.agents, self.sets, no_pool=self.no_pool)
        return _live_agents(self.url)


def chosen(project: Project, path: Path, names: Sequence[str]) -> Sequence[str]:
    """The same names, when each is one of a location.

    Raises:
        InvalidInputError: when there is no such location, or none at all.
    """
    from dagstead.model.words import nearest

    known = [each.name.value for each in project.locations]
    if not known:
        msg = f"There are no code locations in {str(path)!r}. `dagstead check` tells what is wrong."
        raise InvalidInputError(msg)
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known[:10])}."
            msg = f"There is no location {name!r}. {hint}"
            raise InvalidInputError(msg)
    return names


def _in_files(
    project: Project, named: Sequence[str], sets: Sequence[str], *, no_pool: bool
) -> AgentScan:
    from dagstead.check.outlook import with_pool
    from dagstead.repository.agents.finding import agent_of_sets, find_agents
    from dagstead.repository.agents.scan import AgentScan

    # A mistake in them is told whatever the agents are.
    of_defaults = agent_of_sets(sets)
    if named:
        found = sum((_named(project, each, sets) for each in named), AgentScan())
    else:
        found = find_agents(project, sets)
        if sets and not found.agents:
            found += of_defaults
    return found if no_pool else with_pool(found, project)


def _refuse_with_live(
    agents: Sequence[str] | None, sets: Sequence[str] | None, *, no_pool: bool
) -> None:
    given = {"--agents": agents, "--set": sets, "--no-pool": no_pool}
    for flag, value in given.items():
        if value:
            msg = f"--live asks the control plane for its agents, so {flag} has no meaning with it."
            raise InvalidInputError(msg)


def _live_agents(url: str | None) -> AgentScan:
    from dagstead.cli.where import target_of
    from dagstead.client.agents import live_agents
    from dagstead.client.connection import Connection
    from dagstead.repository.agents.scan import AgentScan
    from dagstead.routing.remarks import Remark, Weight

    with Connection(target_of(url, None)) as connection:
        told = live_agents(connection)
    remarks = [
        Remark(
            name="silent-agent",
            weight=Weight.NOTE,
            message=f"{each.name} serves {each.described_queues} and is not heard of any more",
            advice="Look at the agent's log if it should be running",
        )
        for each in told.silent
    ]
    return AgentScan(agents=told.running, remarks=tuple(remarks))


def _named(project: Project, named: str, sets: Sequence[str]) -> AgentScan:
    """The agents of files that are named, whose paths then are relative to the project."""
    from dagstead.repository.agents.finding import named_agents

    paths = [Path(each) for each in named.split(",")]
    layers = [_file(project, each) for each in paths]
    return named_agents(layers, sets, beside=_beside(project, paths[0]))


def _file(project: Project, path: Path) -> ConfigFile:
    from dagstead.repository.files import read_file

    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"The file {str(path)!r} of agents cannot be read: {error.strerror}."
        raise InvalidInputError(msg) from error
    file = read_file(project.root, _relative(project, path), data=data)
    if file is None:
        msg = (
            f"{str(path)!r} says nothing about agents. It takes an agent's dagster.yaml, values or "
            "a command of the agent's Helm chart, a compose file with an agent, or agents.yaml."
        )
        raise InvalidInputError(msg)
    return file


def _beside(project: Project, path: Path) -> Project:
    """The files in the folder of a file, with the same paths as that."""
    from dagstead.repository.files import read_file, read_project

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
