"""The tree of commands."""

from __future__ import annotations

import typer

from dagstead.cli import run, version

app = typer.Typer(
    name="dagstead",
    help="An open, self-hosted control plane for official Dagster+ agents and CLI.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("web")(run.web)
app.command("version")(version.version)
