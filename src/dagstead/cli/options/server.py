"""Options of the server's commands: where the control plane is, and how its processes run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.server.settings import Settings
    from dagstead.server.settings_sources import LoadedSettings

_PANEL = "Where the control plane is"

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Data folder of the control plane; by default dagstead-data.",
        rich_help_panel=_PANEL,
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql://USER:PASSWORD@HOST/NAME; by default, SQLite in the data folder.",
        rich_help_panel=_PANEL,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings file; by default dagstead.toml in the data folder.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFlags:
    """Where a control plane keeps its data."""

    data: DataOption = None
    database: DatabaseOption = None
    config: ConfigOption = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UpFlags(DataFlags):
    """The whole control plane in one command."""

    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on.")] = None
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", help="Address that agents, the CLI and browsers use."),
    ] = None
    pool: Annotated[
        bool | None,
        typer.Option("--pool/--no-pool", help="Whether to run the managed pool."),
    ] = None
    log_level: Annotated[
        str | None,
        typer.Option("--log-level", help="Lowest level to log: debug, info, warning or error."),
    ] = None

    def load(self) -> LoadedSettings:
        """The settings from these flags, the environment and the settings file; prints warnings."""
        return load(**asdict(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class WebFlags(UpFlags):
    """A process that listens and does not run the pool."""

    pool: bool | None = field(default=None, init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerFlags(WebFlags):
    """A process that does not listen."""

    host: str | None = field(default=None, init=False)
    port: int | None = field(default=None, init=False)


def load(**flags: Any) -> LoadedSettings:
    """Settings from flags, environment and file; files that are written from now on are private.

    Warns of variables that have no effect, and of a data folder that other users can read.
    """
    import os

    from dagstead.server.private_files import exposed, keep_files_private
    from dagstead.server.settings_sources import load_settings
    from dagstead.server.shutdown import LIFELINE_VARIABLE

    loaded = load_settings(flags)
    keep_files_private(os.environ)
    if LIFELINE_VARIABLE not in os.environ:
        # Otherwise the supervisor has printed them already.
        open_folder = exposed(loaded.settings.data, user=os.geteuid())
        for warning in filter(None, (*loaded.warnings, open_folder)):
            say(f"warning: {warning}", err=True)
    return loaded


def settings(**flags: Any) -> Settings:
    """The values of :func:`load`, without their sources."""
    return load(**flags).settings
