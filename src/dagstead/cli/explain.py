"""``dagstead explain``: everything about one location on one page."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from dagstead.cli.completing import complete_location
from dagstead.cli.options.agents import AgentFlags, DeploymentFlags
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.output import prefix_of, say
from dagstead.cli.reading import read_locations
from dagstead.cli.remarks import print_left_out
from dagstead.cli.routing import chosen


class ExplainFormat(StrEnum):
    """How the page is printed."""

    TEXT = "text"
    JSON = "json"


@grouped
def explain(
    location: Annotated[
        str, typer.Argument(help="Name of the location.", autocompletion=complete_location)
    ],
    path: PathArgument = HERE,
    *,
    deployments: DeploymentFlags,
    agents: AgentFlags,
    format_: Annotated[
        ExplainFormat, typer.Option("--format", help="Text for people, or JSON for programs.")
    ] = ExplainFormat.TEXT,
) -> None:
    """Print everything about one location on one page.

    The page shows where it is defined, what kind it is and why, how it is built, its queue, which
    agents will run it and why the others will not, the workflows that build and deploy it and what
    triggers them, the paths that it is made from, and what is wrong. None of the repository's code
    is run. Exits with 0, or with 2 if there is no such location.

    For example:

    `dagstead explain digits`

    `dagstead explain digits examples/monorepo --format json`

    `dagstead explain digits --live --url https://dagstead.example.com`
    """
    from dagstead.check.explanation import explain as gather
    from dagstead.cli.explanation_page import as_json, as_text

    project = read_locations(path, [location])
    (name,) = chosen(project, [location])
    found = project.location(name)
    assert found is not None  # noqa: S101 - it was chosen from the project
    explanation = gather(project, found, agents.outlook(project, deployments, [name]))
    page = as_json if format_ is ExplainFormat.JSON else as_text
    say(page(explanation, prefix=prefix_of(project)))
    print_left_out(project)
