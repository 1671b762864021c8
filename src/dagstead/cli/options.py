"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dagstead.server.settings import Loaded, Settings

_PANEL = "Where the control plane is"

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder that holds everything.", rich_help_panel=_PANEL),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql://USER:PASSWORD@HOST/NAME; SQLite in the folder if left out.",
        rich_help_panel=_PANEL,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file; dagstead.toml in the data folder if left out.",
        rich_help_panel=_PANEL,
    ),
]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port to listen on.")]
PublicUrlOption = Annotated[
    str | None,
    typer.Option("--public-url", help="Address that agents, the CLI and browsers use."),
]
LogLevelOption = Annotated[
    str | None, typer.Option("--log-level", help="debug, info, warning or error.")
]


def load(**flags: Any) -> Loaded:
    """Settings from flags, environment and file; from here on the process writes privately.

    Warns of variables that have no effect, and of a data folder that others may look into.
    """
    import os

    from dagstead.server.lifeline import LIFELINE_VARIABLE
    from dagstead.server.private_files import exposed, keep_files_private
    from dagstead.server.settings import load_settings

    loaded = load_settings(flags)
    keep_files_private(os.environ)
    if LIFELINE_VARIABLE not in os.environ:
        # Else the supervisor has said it.
        open_folder = exposed(loaded.settings.data, user=os.geteuid())
        for warning in filter(None, (*loaded.warnings, open_folder)):
            typer.echo(f"warning: {warning}", err=True)
    return loaded


def settings(**flags: Any) -> Settings:
    """Only the values."""
    return load(**flags).settings
