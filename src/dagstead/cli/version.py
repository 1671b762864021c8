"""``dagstead version``."""

from __future__ import annotations

import typer


def version() -> None:
    """Print the versions of Dagstead and of the Dagster that it runs on.

    For example: `dagstead version`
    """
    from importlib.metadata import version as installed

    typer.echo(f"dagstead {installed('dagstead')} (dagster {installed('dagster')})")
