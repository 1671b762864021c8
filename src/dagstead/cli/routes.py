"""``dagstead routes``: who will run each location of a repository, and why the others will not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.output import Format, print_rows
from dagstead.cli.remarks import print_remarks
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.project import ConfigFile, Project
    from dagstead.routing.files.settings import Found
    from dagstead.routing.looking import Outlook


class RoutesFormat(StrEnum):
    """How routes are printed."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"


_AGENTS_PANEL = "Which agents there are"


def routes(  # noqa: PLR0913 - options of a command
    path: Annotated[
        Path, typer.Argument(help="Folder of a repository, or one file.", show_default=False)
    ] = Path(),
    *,
    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Only this full deployment.")
    ] = None,
    branch: Annotated[bool, typer.Option("--branch", help="Only branch deployments.")] = False,
    location: Annotated[
        list[str] | None, typer.Option("--location", help="Only this location; may be repeated.")
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agents",
            metavar="FILE",
            help="dagster.yaml, Helm values, compose file or agents.yaml; layers of Helm values "
            "with commas between. May be repeated.",
            rich_help_panel=_AGENTS_PANEL,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="K=V",
            help="Laid over the Helm values, as Helm's --set.",
            rich_help_panel=_AGENTS_PANEL,
        ),
    ] = None,
    no_pool: Annotated[
        bool,
        typer.Option("--no-pool", help="There is no managed pool.", rich_help_panel=_AGENTS_PANEL),
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="The agents that a running control plane hears of; its token is in "
            "DAGSTER_CLOUD_API_TOKEN.",
            rich_help_panel=_AGENTS_PANEL,
        ),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="DAGSTER_CLOUD_URL",
            help="The control plane's address, with --live.",
            rich_help_panel=_AGENTS_PANEL,
        ),
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="A row for each agent: why it will, or will not.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")] = False,
    format_: Annotated[
        RoutesFormat,
        typer.Option("--format", help="mermaid draws a chart that GitHub shows in Markdown."),
    ] = RoutesFormat.TABLE,
) -> None:
    """Tell who will run each location of a repository, before anything is deployed.

    Agents are found in the repository's files: an agent's dagster.yaml, values and commands of the
    Helm chart, compose files, agents.yaml. What is wrong, and what was taken for granted, is
    printed on standard error. Exits with 1 when nobody will run a location, 2 when it could not
    tell, 0 otherwise.

    For example:

    `dagstead routes` looks at the current folder

    `dagstead routes --why --location digits` tells why each agent will run digits or not

    `dagstead routes --agents values.yaml,values-prod.yaml` lays Helm values over each other

    `dagstead routes --live --url https://dagstead.example.com` asks who is really there

    `dagstead routes --format mermaid` draws it
    """
    from dagstead.project import read_project
    from dagstead.routing.looking import look, targets_of

    project = read_project(path)
    names = _chosen(project, path, location or [])
    if live:
        _refuse_with_live(agents, set_, no_pool=no_pool)
        found = _live_agents(url)
    else:
        found = _found_agents(project, agents or [], set_ or [], no_pool=no_pool)
    targets = targets_of(found.agents, deployment, branch=branch)
    matters = branch and deployment is None
    outlook = look(project, found, targets, branches_matter=matters, live=live).of(names)
    _print(outlook, project, format_, why=why)
    if outlook.is_unserved or (strict and outlook.is_doubtful):
        raise typer.Exit(1)


def _chosen(project: Project, path: Path, names: Sequence[str]) -> Sequence[str]:
    from dagstead.project.rules.visit import nearest

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


def _found_agents(
    project: Project, named: Sequence[str], sets: Sequence[str], *, no_pool: bool
) -> Found:
    from dagstead.routing.files.finding import agent_of_sets, find_agents, named_agents
    from dagstead.routing.files.settings import Found
    from dagstead.routing.looking import with_pool

    if named:
        found = sum((named_agents(_layers(each), sets) for each in named), Found())
    else:
        found = find_agents(project, sets)
        if sets and not found.agents:
            found += agent_of_sets(sets)
    return found if no_pool else with_pool(found, project)


def _refuse_with_live(
    agents: Sequence[str] | None, sets: Sequence[str] | None, *, no_pool: bool
) -> None:
    given = {"--agents": agents, "--set": sets, "--no-pool": no_pool}
    for flag, value in given.items():
        if value:
            msg = f"--live asks the control plane for its agents, so {flag} has no meaning with it."
            raise InvalidInputError(msg)


def _live_agents(url: str | None) -> Found:
    from dagstead.client.agents import live_agents
    from dagstead.client.connection import Connection, Target
    from dagstead.routing.files.settings import Found
    from dagstead.routing.remarks import Remark, Weight

    with Connection(Target.of(os.environ, url=url)) as connection:
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
    return Found(agents=told.running, remarks=tuple(remarks))


def _layers(named: str) -> list[ConfigFile]:
    from dagstead.project import read_file

    layers = []
    for each in named.split(","):
        try:
            data = Path(each).read_bytes()
        except OSError as error:
            msg = f"The file {each!r} of agents cannot be read: {error.strerror}."
            raise InvalidInputError(msg) from error
        file = read_file(Path(), each, data=data)
        if file is None:
            msg = (
                f"{each!r} says nothing about agents. It takes an agent's dagster.yaml, values of "
                "the agent's Helm chart, a compose file with an agent, or agents.yaml."
            )
            raise InvalidInputError(msg)
        layers.append(file)
    return layers


def _print(outlook: Outlook, project: Project, format_: RoutesFormat, *, why: bool) -> None:
    from dagstead.routing import tables
    from dagstead.routing.drawing import as_mermaid
    from dagstead.routing.reports import as_json

    relative = os.path.relpath(project.root)
    prefix = "" if relative == "." else f"{relative}/"
    if format_ is RoutesFormat.JSON:
        print(as_json(outlook.routes, outlook.agents, outlook.remarks, prefix=prefix))
        return
    if format_ is RoutesFormat.MERMAID:
        print(as_mermaid(outlook.routes), end="")
    else:
        rows = tables.reasons(outlook.routes) if why else tables.summary(outlook.routes)
        print_rows(rows, Format.TABLE, empty="")
    print_remarks(outlook.remarks, prefix=prefix)
