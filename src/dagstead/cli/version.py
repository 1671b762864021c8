"""``dagstead version`` and ``dagstead --version``."""

from __future__ import annotations

from typing import Annotated

import typer

from dagstead.cli.output import say


def version() -> None:
    """Print the versions of Dagstead and of the Dagster that it runs on.

    For example: `dagstead version`
    """
    from importlib.metadata import version as installed

    say(f"dagstead {installed('dagstead')} (dagster {installed('dagster')})")


def _print_and_exit(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        version()
        raise typer.Exit


def root(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_and_exit, is_eager=True, help="Print the versions."
        ),
    ] = False,
) -> None:
    """An open, self-hosted control plane for the official Dagster+ agents and CLI."""
