"""How the problems and assumptions behind a result are printed, on standard error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.repository.ci.inspection import Inspection
    from dagstead.repository.files import Project
    from dagstead.routing.remarks import Remark

_COLOURS = {"error": "red", "unknown": "magenta", "warning": "yellow", "note": "cyan"}


def print_left_out(project: Project) -> None:
    """Say in one line which files do not count, where somebody may wonder."""
    from dagstead.repository.files.project import left_out_note

    note = left_out_note(project)
    if note:
        print_note(note)


def print_shared_token(inspection: Inspection) -> None:
    """Say in one line that pull requests deploy with the same token as others, if they do."""
    from dagstead.repository.rules.workflows.shared_tokens import shared_token_note

    note = shared_token_note(inspection)
    if note:
        print_note(note)


def print_note(text: str) -> None:
    """Print one note."""
    weight = typer.style("note", fg=_COLOURS["note"])
    say(f"{weight}: {text}", err=True)


def print_remarks(remarks: Sequence[Remark], *, prefix: str = "") -> None:
    """Print one line per remark, with its places; ``prefix`` is put before the paths of files."""
    for each in remarks:
        say(_line(each, prefix), err=True)
        width = max((len(step.purpose) for step in each.steps), default=0)
        for step in each.steps:
            command = typer.style(step.command, fg=_COLOURS["note"])
            say(f"  {step.purpose:{width}}   {command}", err=True)


def _line(remark: Remark, prefix: str) -> str:
    from dagstead.repository.files.places import shown

    places = [shown(prefix, each) for each in (remark.position, *remark.more) if each is not None]
    if not places and remark.weight == "note":
        # Of the whole repository: a sentence of its own.
        return remark.sentences[:1].upper() + remark.sentences[1:]
    place = f"{', '.join(places)}: " if places else ""
    weight = typer.style(str(remark.weight), fg=_COLOURS[remark.weight])
    code = f" ({remark.code})" if remark.code else ""
    return f"{typer.style(place, bold=True)}{weight}: {remark.sentences}{code}"
