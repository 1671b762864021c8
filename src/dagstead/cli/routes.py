"""``dagstead routes``: who will run each location of a repository, and why the others will not."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.completing import complete_location
from dagstead.cli.output import Format, print_rows
from dagstead.cli.remarks import print_remarks
from dagstead.cli.routing import (
    AgentsOption,
    AgentSource,
    LiveOption,
    NoPoolOption,
    SetOption,
    chosen,
)
from dagstead.cli.where import UrlOption

if TYPE_CHECKING:
    from dagstead.check.outlook import Outlook
    from dagstead.repository.files import Project


class RoutesFormat(StrEnum):
    """How routes are printed."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"


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
        list[str] | None,
        typer.Option(
            "--location",
            help="Only this location; may be repeated.",
            autocompletion=complete_location,
        ),
    ] = None,
    agents: AgentsOption = None,
    set_: SetOption = None,
    no_pool: NoPoolOption = False,
    live: LiveOption = False,
    url: UrlOption = None,
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
    from dagstead.check.outlook import Wanted, look
    from dagstead.repository.files import read_project

    project = read_project(path)
    names = chosen(project, path, location or [])
    source = AgentSource(agents=agents, sets=set_, no_pool=no_pool, live=live, url=url)
    wanted = Wanted(deployment=deployment, branch=branch, names=names)
    outlook = look(project, source.found(project), wanted, live=live)
    _print(outlook, project, format_, why=why)
    if outlook.is_unserved or (strict and outlook.is_doubtful):
        raise typer.Exit(1)


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
