"""Questions before a command that cannot be taken back."""

from __future__ import annotations

import typer

from dagstead.cli.output import say
from dagstead.model.text import plain_line


def ask(question: str) -> None:
    """Ask a question that ``--yes`` answers as well.

    Raises:
        typer.Abort: unless the answer is yes, also when nobody is there to give one.
    """
    try:
        typer.confirm(plain_line(question), abort=True, err=True)
    except typer.Abort:
        say("\nNothing was changed. A script confirms with --yes.", err=True)
        raise
