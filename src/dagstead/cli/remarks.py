"""How the problems and assumptions behind a result are printed, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dagstead.cli.output import is_coloured

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.routing.remarks import Remark

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def print_left_out(project: Project) -> None:
    """Say in one line which files do not count, where somebody may wonder."""
    from dagstead.repository.files.project import left_out_note

    note = left_out_note(project)
    if note:
        weight = typer.style("note", fg=_COLOURS["note"])
        typer.echo(f"{weight}: {note}", err=True, color=is_coloured(sys.stderr))


def print_remarks(remarks: Sequence[Remark], *, prefix: str = "") -> None:
    """Print one line per remark; ``prefix`` is put before the paths of files."""
    from dagstead.repository.files.places import shown

    coloured = is_coloured(sys.stderr)
    for each in remarks:
        place = "" if each.position is None else f"{shown(prefix, each.position)}: "
        weight = typer.style(str(each.weight), fg=_COLOURS[each.weight])
        line = f"{typer.style(place, bold=True)}{weight}: {each.sentences}"
        typer.echo(line, err=True, color=coloured)
