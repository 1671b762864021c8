"""How findings and assumptions beside a result are printed: on standard error, a line each."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from dagstead.model.source import Position
    from dagstead.routing.remarks import Remark

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def normalized(prefix: str, position: Position) -> str:
    """A place from the current folder, without steps up and down again."""
    return str(replace(position, file=posixpath.normpath(prefix + position.file)))


def print_remarks(remarks: Sequence[Remark], *, prefix: str = "") -> None:
    """One line a remark; ``prefix`` is put before the paths of files."""
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    for each in remarks:
        place = "" if each.position is None else f"{normalized(prefix, each.position)}: "
        weight = typer.style(str(each.weight), fg=_COLOURS[each.weight])
        line = f"{typer.style(place, bold=True)}{weight}: {each.sentences}"
        typer.echo(line, err=True, color=coloured)
