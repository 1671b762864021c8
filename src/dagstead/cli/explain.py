"""``dagstead explain``: one page for one location."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.completing import complete_location
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
    from dagstead.repository.files import Project


class ExplainFormat(StrEnum):
    """How the page is printed."""

    TEXT = "text"
    JSON = "json"


def explain(  # noqa: PLR0913 - options of a command
    location: Annotated[
        str, typer.Argument(help="A location's name.", autocompletion=complete_location)
    ],
    path: Annotated[
        Path, typer.Argument(help="Folder of a repository, or one file.", show_default=False)
    ] = Path(),
    *,
    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Only this full deployment.")
    ] = None,
    branch: Annotated[bool, typer.Option("--branch", help="Only branch deployments.")] = False,
    agents: AgentsOption = None,
    set_: SetOption = None,
    no_pool: NoPoolOption = False,
    live: LiveOption = False,
    url: UrlOption = None,
    format_: Annotated[
        ExplainFormat, typer.Option("--format", help="JSON for programs.")
    ] = ExplainFormat.TEXT,
) -> None:
    """Print all that is known of one location, on one page.

    Where it is defined, what kind it is and why, how it is built, its queue, which agents will run
    it and why the others will not, the workflows that build and deploy it and what triggers them,
    the paths that it is made from, and what is wrong. Nothing of the repository is run. Exits with
    0, and with 2 when there is no such location.

    For example:

    `dagstead explain digits`

    `dagstead explain digits examples/monorepo --format json`

    `dagstead explain digits --live --url https://dagstead.example.com`
    """
    from dagstead.check.explanation import explain as gather
    from dagstead.check.outlook import Wanted, look
    from dagstead.cli.explanation_page import as_json, as_text
    from dagstead.repository.files import read_project

    project = read_project(path)
    (name,) = chosen(project, path, [location])
    found_location = project.location(name)
    assert found_location is not None  # noqa: S101 - it was chosen from the project
    source = AgentSource(agents=agents, sets=set_, no_pool=no_pool, live=live, url=url)
    wanted = Wanted(deployment=deployment, branch=branch, names=[name])
    outlook = look(project, source.found(project), wanted, live=live)
    explanation = gather(project, found_location, outlook)
    prefix = _prefix(project)
    if format_ is ExplainFormat.JSON:
        print(as_json(explanation, prefix=prefix))
    else:
        print(as_text(explanation, prefix=prefix))


def _prefix(project: Project) -> str:
    """From the current folder to the project, so that an editor finds the files."""
    relative = os.path.relpath(project.root)
    return "" if relative == "." else f"{relative}/"
