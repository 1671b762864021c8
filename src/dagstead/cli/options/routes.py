"""Options of ``routes``: which routes it looks for, and how it prints them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from dagstead.cli.options.agents import DeploymentFlags
from dagstead.cli.options.source import LocationsOption


class RoutesFormat(StrEnum):
    """How routes are printed."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedFlags(DeploymentFlags):
    """The deployments and locations to look at."""

    location: LocationsOption = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutesOutputFlags:
    """How much to print, and what counts as a failure."""

    why: Annotated[
        bool,
        typer.Option(
            "--why",
            help="Print a row per agent, with the reason why it will or will not run the location.",
        ),
    ] = False
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Count warnings as errors, and exit with 2 where no agent is known."
        ),
    ] = False
    format_: Annotated[
        RoutesFormat,
        typer.Option("--format", help="mermaid draws a chart that GitHub shows in Markdown."),
    ] = RoutesFormat.TABLE
