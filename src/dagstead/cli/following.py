"""What is printed while agents load a release, and when it has ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from dagstead.cli.output import Format, cell, print_rows, redrawn, say

if TYPE_CHECKING:
    from rich.table import Table

    from dagstead.cli.options.release import ReleaseFlags
    from dagstead.client.release_follower import ReleaseSource
    from dagstead.client.releases import Release, ReleasePart

_PHASES = {
    "taken": "an agent starts its code server",
    "importing": "its definitions are imported",
}
#: In the words of ``dagster_cloud.workspace.user_code_launcher``.
_TIMED_OUT = "Timed out after waiting "
_STATES = {
    "loaded": "loaded; it goes live with the others",
    "live": "live",
    "failed": "did not load",
    "back": "went back to what was live before",
    "superseded": "superseded by a newer release",
}


def follow(releases: ReleaseSource, begun: Release, flags: ReleaseFlags) -> Release:
    """Show a release until it ends.

    Raises:
        typer.Exit: with ``--detach``, after printing its number.
    """
    from dagstead.client.release_follower import ReleaseFollower

    if flags.detach:
        say(begun.number)
        raise typer.Exit
    if begun.reason:
        say(f"warning: {begun.reason}", err=True)
    with shown() as show:
        follower = ReleaseFollower(releases=releases, on_change=show, timeout=flags.timeout)
        return follower.until_ended(begun)


def finish(ended: Release, format_: Format, deployment: str | None) -> None:
    """Print how a release ended.

    Raises:
        typer.Exit: with 1, if it is not live.
    """
    for error in errors_of(ended):
        say(f"\n{error}", err=True)
    print_parts(ended, format_)
    where = f" of {deployment}" if deployment else ""
    if ended.state == "live":
        took = (ended.ended_at or time.time()) - ended.created_at
        say(f"Release {ended.number}{where} is live ({took:.0f} s).", err=True)
        return
    reason = f": {ended.reason}" if ended.reason else "."
    is_ = "" if ended.state == "failed" else "is "
    say(f"Release {ended.number}{where} {is_}{ended.state}{reason}", err=True)
    raise typer.Exit(1)


def print_parts(ended: Release, format_: Format) -> None:
    """Print what has become of the locations of a release."""
    rows: list[dict[str, Any]] = [
        {
            "location": part.location,
            "queue": part.queue,
            "state": part.state,
            "release": ended.number,
            "now": step_of(part),
        }
        for part in ended.parts
    ]
    print_rows(rows, format_, empty="The release has no locations.")


def step_of(part: ReleasePart) -> str:
    """The state of a location, in words."""
    if part.state != "loading":
        return _STATES.get(part.state, part.state)
    if part.phase in _PHASES:
        return _PHASES[part.phase]
    agents = ", ".join(part.agents)
    return f"queued for {agents}" if agents else "queued; no agent serves its queue at present"


@contextmanager
def shown() -> Iterator[Callable[[Release], None]]:
    """Show a release on standard error whenever it changes."""
    if not sys.stderr.isatty():
        yield _Lines().take
        return
    view = _View()
    with redrawn(view):
        yield view.take


def errors_of(release: Release) -> list[str]:
    """The errors of user code in a release, with the names of their locations."""
    return [
        f"{each.location}:\n{each.error}{_remark_on(each.error)}"
        for each in release.parts
        if each.error
    ]


def _remark_on(error: str) -> str:
    """What helps where an official agent has waited in vain, which its words do not say."""
    if _TIMED_OUT not in error:
        return ""
    return (
        "\nIf it only needs longer to start, raise server_process_startup_timeout (seconds) below "
        "user_code_launcher.config in the agent's dagster.yaml, or workspace."
        "serverProcessStartupTimeout in the Helm chart's values."
    )


class _Lines:
    """Prints a line whenever the state of a location changes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def take(self, release: Release) -> None:
        for part in release.parts:
            step = step_of(part)
            if self._said.get(part.location) != step:
                self._said[part.location] = step
                say(f"{part.location}: {step}", err=True)


class _View:
    """Shows a line for each location, and keeps it up to date."""

    def __init__(self) -> None:
        self._parts: tuple[ReleasePart, ...] = ()

    def take(self, release: Release) -> None:
        self._parts = release.parts

    def __rich__(self) -> Table:
        from rich.spinner import Spinner
        from rich.table import Table

        marks: dict[str, Any] = {
            "loading": Spinner("dots"),
            "loaded": cell("·"),
            "live": cell("✓", "green"),
            "failed": cell("✗", "red"),
        }
        table = Table.grid(padding=(0, 1))
        for part in self._parts:
            mark = marks.get(part.state, cell("-"))
            table.add_row(mark, cell(part.location, "bold"), cell(step_of(part)))
        return table
