"""What is printed while locations are built: a live view on a terminal, else lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagstead.build.events import (
    BuildFailed,
    BuildFinished,
    BuildStarted,
    BuildWarning,
    Event,
    OutputLine,
    StepFinished,
    StepStarted,
)
from dagstead.cli.output import cell, redrawn, say
from dagstead.model.text import plain_lines

if TYPE_CHECKING:
    from rich.table import Table

OnEvent = Callable[[Event], None]

#: How many of the last lines of a program's output are shown.
_SHOWN_LINES = 25


@contextmanager
def progress() -> Iterator[OnEvent]:
    """Show the events of a build on standard error while it runs."""
    if not sys.stderr.isatty():
        yield lambda event: _print_lines(_lines(event))
        return
    view = _View()
    with redrawn(view, transient=True) as live:
        yield lambda event: view.take(event, live)


def _lines(event: Event) -> list[str]:
    """The lines for an event; none for the start of something, or its output."""
    match event:
        case StepFinished():
            remark = f": {event.remark}" if event.remark else ""
            return [f"{event.location}: {event.step} ... done ({_took(event.seconds)}){remark}"]
        case BuildWarning():
            return [f"{event.location}: warning: {event.text}"]
        case BuildFinished():
            return [f"{event.location}: built ({_took(event.seconds)})"]
        case BuildFailed():
            return _failure(event)
        case BuildStarted() | StepStarted() | OutputLine():
            return []


def _failure(failed: BuildFailed) -> list[str]:
    step = f" {failed.step} ..." if failed.step else ""
    lines = [f"{failed.location}:{step} failed: {failed.error.message}"]
    lines += [f"    {line}" for line in failed.output[-_SHOWN_LINES:]]
    if failed.command:
        lines.append(f"{failed.location}: repeat it with: {failed.command}")
    return lines


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        say(line, err=True)


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"  # noqa: PLR2004


class _View:
    """Shows a line for each location that is being built; finished ones scroll by above."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, float]] = {}
        self._said: dict[str, str] = {}

    def take(self, event: Event, live: Any) -> None:
        match event:
            case BuildStarted():
                self._steps[event.location] = (str(event.strategy), time.monotonic())
            case StepStarted():
                self._steps[event.location] = (event.step, time.monotonic())
                self._said.pop(event.location, None)
            case OutputLine():
                self._said[event.location] = event.line
            case BuildFinished() | BuildFailed():
                self._steps.pop(event.location, None)
                self._said.pop(event.location, None)
            case StepFinished() | BuildWarning():
                pass
        for line in _lines(event):
            style = "red" if isinstance(event, BuildFailed) and not line.startswith(" ") else None
            shown = plain_lines(line)
            live.console.print(shown, style=style, markup=False, highlight=False, soft_wrap=True)

    def __rich__(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table

        table = Table.grid(padding=(0, 1))
        for _ in range(4):
            table.add_column(no_wrap=True)
        for location, (step, since) in list(self._steps.items()):
            table.add_row(
                Spinner("dots"),
                cell(location, "bold"),
                cell(f"{step} {time.monotonic() - since:.0f} s"),
                cell(self._said.get(location, ""), "dim"),
            )
        return table
