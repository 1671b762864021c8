"""Which repository and which locations of it a command takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dagstead.cli.completing import complete_location

#: Where a command looks when no folder is named.
HERE = Path()

_TAKEN = "What is taken"
_DEPLOYED = "What is deployed"

PathArgument = Annotated[
    Path, typer.Argument(help="Folder of a repository, or one file.", show_default=False)
]
ProjectArgument = Annotated[
    Path, typer.Argument(help="The folder of your dagster_cloud.yaml.", show_default=False)
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFlags:
    """Locations of a folder."""

    path: ProjectArgument = HERE
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            help="Only this one; may be repeated.",
            autocompletion=complete_location,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SinceFlags(SourceFlags):
    """Those that a change touches."""

    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="REV",
            help="Only what has changed since this commit; REV... is the merge base with HEAD.",
            rich_help_panel=_TAKEN,
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedFlags(SinceFlags):
    """Those that a change touches, or that differ from what is live."""

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
    """What ``deploy`` takes, and what becomes of the rest."""

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
            help="Only what has changed since this commit.",
            rich_help_panel=_DEPLOYED,
            show_default=False,
        ),
    ] = None
    built: Annotated[
        Path | None,
        typer.Option(
            "--built",
            help="What `dagstead build --output` left here; nothing is built.",
            rich_help_panel=_DEPLOYED,
            show_default=False,
        ),
    ] = None
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove the deployment's locations that the repository lacks.",
            rich_help_panel=_DEPLOYED,
        ),
    ] = False
