"""Options that choose a repository, and locations in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dagstead.cli.completing import complete_location

#: Where a command looks when no folder is named.
HERE = Path()

_TAKEN = "Which locations"
_DEPLOYED = "What is deployed"

PathArgument = Annotated[
    Path,
    typer.Argument(help="Folder of a repository, or one configuration file.", show_default=False),
]
LocationsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--location",
        help="Only this location; may be repeated.",
        autocompletion=complete_location,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFlags:
    """Locations of a folder."""

    path: PathArgument = HERE
    location: LocationsOption = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SinceFlags(SourceFlags):
    """Locations that a change touches."""

    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REV",
            help="Only locations that have changed since this commit; REV... (with three dots) is "
            "its merge base with HEAD.",
            rich_help_panel=_TAKEN,
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedFlags(SinceFlags):
    """Locations that a change touches, or that differ from what is live."""

    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Only locations that differ from what is live on the control plane.",
            rich_help_panel=_TAKEN,
        ),
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployedFlags(SourceFlags):
    """What to deploy, and what to do with the other locations."""

    changed: Annotated[
        bool,
        typer.Option(
            "--changed",
            help="Only locations that differ from what is live on the control plane.",
            rich_help_panel=_DEPLOYED,
        ),
    ] = False
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REV",
            help="Only locations that have changed since this commit.",
            rich_help_panel=_DEPLOYED,
            show_default=False,
        ),
    ] = None
    built: Annotated[
        Path | None,
        typer.Option(
            "--built",
            help="Deploy what `dagstead build --output` has put here; nothing is built.",
            rich_help_panel=_DEPLOYED,
            show_default=False,
        ),
    ] = None
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove locations of the deployment that the repository does not define.",
            rich_help_panel=_DEPLOYED,
        ),
    ] = False
