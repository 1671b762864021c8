"""Which routes are looked for, and how they are printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from dagstead.cli.completing import complete_location
from dagstead.cli.options.agents import DeploymentFlags
from dagstead.cli.options.rules import StrictOption


class RoutesFormat(StrEnum):
    """How routes are printed."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutedFlags(DeploymentFlags):
    """Deployments, and the locations that are looked at there."""

    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            help="Only this location; may be repeated.",
            autocompletion=complete_location,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutesOutputFlags:
    """How much is printed, and what counts as a failure."""

    why: Annotated[
        bool,
        typer.Option(
            "--why", help="Print a row per agent, with why it will or will not run the location."
        ),
    ] = False
    strict: StrictOption = False
    format_: Annotated[
        RoutesFormat,
        typer.Option("--format", help="mermaid draws a chart that GitHub shows in Markdown."),
    ] = RoutesFormat.TABLE
