"""Questions before a command that cannot be taken back."""

from __future__ import annotations

import typer


def ask(question: str) -> None:
    """Ask a question that ``--yes`` answers as well.

    Raises:
        typer.Abort: unless the answer is yes, also when nobody is there to give one.
    """
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        typer.echo("\nNothing was changed. A script confirms with --yes.", err=True)
        raise
