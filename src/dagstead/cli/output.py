"""How results are printed: a table on a terminal, tab-separated lines in a pipe, or JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from dagstead.model.text import plain_line, plain_lines

if TYPE_CHECKING:
    from rich.console import ConsoleRenderable, RichCast
    from rich.live import Live
    from rich.text import Text

    from dagstead.repository.files import Project

#: Columns of help in a pipe, so that the first sentence of every command fits.
PIPE_WIDTH = 160

_REFRESHES_A_SECOND = 4


class Format(StrEnum):
    """The formats in which lists are printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format,
    typer.Option("--format", help="A table (tab-separated when piped), or JSON for programs."),
]


def say(text: object = "", *, err: bool = False, end: str = "\n", flush: bool = False) -> None:
    """Print text, of ours or of others: the one way to a terminal.

    Names, messages and errors come from agents, servers and files. What could move the cursor,
    change the terminal or reverse the order of what is read is left out; of our own there are only
    weights and colours, and these only where they are wanted.

    Args:
        text: one or several lines.
        err: whether it is a remark, for standard error, and not a result.
        end: is printed after it.
        flush: whether it is shown at once; remarks are.
    """
    stream = sys.stderr if err else sys.stdout
    lines = plain_lines(str(text), styles=is_coloured(stream))
    print(lines, file=stream, end=end, flush=flush or err)


def cell(value: str, style: str = "") -> Text:
    """A text of anybody for what `rich` draws, without control characters, on one line."""
    from rich.text import Text

    return Text(plain_line(value), style=style)


def on_terminal() -> bool:
    """Whether output goes to a terminal. Boxes are for terminals; a pipe gets plain lines."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def is_coloured(stream: TextIO) -> bool:
    """Whether to colour what we print on a stream; rich decides in the same way."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def prefix_of(project: Project) -> str:
    """The path from the current folder to the project, so that an editor finds the files."""
    relative = os.path.relpath(project.root)
    return "" if relative == "." else f"{relative}/"


def prefix_in_repository(project: Project) -> str:
    """The path from the root of the repository to the project."""
    relative = project.root.relative_to(project.repository).as_posix()
    return "" if relative == "." else f"{relative}/"


def print_json(value: object) -> None:
    """Print a value as JSON, for programs."""
    say(json.dumps(value, indent=2, default=str))


@contextmanager
def redrawn(view: ConsoleRenderable | RichCast, *, transient: bool = False) -> Iterator[Live]:
    """Keep a view on the terminal below other output; a ``transient`` one disappears at the end."""
    from rich.console import Console
    from rich.live import Live

    # It reads NO_COLOR itself.
    console = Console(stderr=True)
    with Live(
        view, console=console, refresh_per_second=_REFRESHES_A_SECOND, transient=transient
    ) as live:
        yield live


def print_rows(rows: Sequence[Mapping[str, Any]], format_: Format, *, empty: str) -> None:
    """Print rows that all have the same keys; ``empty`` is printed when there are none."""
    if format_ is Format.JSON:
        print_json(rows)
    elif not rows:
        say(empty, err=True)
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        say("\t".join(rows[0]))
        for row in rows:
            say("\t".join(_plain(value) for value in row.values()))


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(_plain(value)) for value in row.values()))
    # It reads NO_COLOR itself.
    Console().print(table)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    return plain_line(str(value))


def moment(seconds: float | None) -> str | None:
    """A point in time in UTC, in a form that people and programs read."""
    from datetime import UTC, datetime

    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
