"""What a person sees while agents load a release."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from dagstead.client.releases import Part, Release

_REFRESHES_A_SECOND = 4

_PHASES = {
    "taken": "an agent starts its code server",
    "importing": "its definitions are imported",
}
_STATES = {
    "loaded": "loaded; it goes live with the others",
    "live": "live",
    "failed": "did not load",
    "back": "went back to what was live before",
    "superseded": "superseded by a newer release",
}


def step_of(part: Part) -> str:
    """How far a location has come, in words."""
    if part.state != "loading":
        return _STATES.get(part.state, part.state)
    if part.phase in _PHASES:
        return _PHASES[part.phase]
    agents = ", ".join(part.agents)
    return f"queued for {agents}" if agents else "queued; no agent serves its queue at present"


@contextmanager
def following() -> Iterator[Callable[[Release], None]]:
    """Show a release on standard error each time that it is told."""
    if not sys.stderr.isatty():
        yield _Lines().take
        return
    from rich.console import Console
    from rich.live import Live

    # It reads NO_COLOR itself.
    console = Console(stderr=True)
    view = _View()
    with Live(view, console=console, refresh_per_second=_REFRESHES_A_SECOND):
        yield view.take


def errors_of(release: Release) -> list[str]:
    """The errors of user code in a release, with the names of their locations."""
    return [f"{each.location}:\n{each.error}" for each in release.parts if each.error]


class _Lines:
    """A line whenever a location has come further."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def take(self, release: Release) -> None:
        for part in release.parts:
            step = step_of(part)
            if self._said.get(part.location) != step:
                self._said[part.location] = step
                print(f"{part.location}: {step}", file=sys.stderr, flush=True)


class _View:
    """A line for each location, kept up to date."""

    def __init__(self) -> None:
        self._parts: tuple[Part, ...] = ()

    def take(self, release: Release) -> None:
        self._parts = release.parts

    def __rich__(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        marks: dict[str, Any] = {
            "loading": Spinner("dots"),
            "loaded": Text("·"),
            "live": Text("✓", style="green"),
            "failed": Text("✗", style="red"),
        }
        table = Table.grid(padding=(0, 1))
        for part in self._parts:
            mark = marks.get(part.state, Text("-"))
            table.add_row(mark, Text(part.location, style="bold"), Text(step_of(part)))
        return table
