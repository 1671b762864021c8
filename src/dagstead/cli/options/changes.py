"""Options of ``changes``: what it compares, and how it prints the result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.pairs import pairs
from dagstead.cli.options.source import HERE, PathArgument
from dagstead.cli.options.templates import TemplateFlags

if TYPE_CHECKING:
    from dagstead.repository.changes import ChangesQuery


class ChangesFormat(StrEnum):
    """How touched locations are printed."""

    TEXT = "text"
    NAMES = "names"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonFlags:
    """The two states of a repository to compare."""

    path: PathArgument = HERE
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="REV",
            help="Compare with this commit; REV... (with three dots) is its merge base with HEAD.",
            show_default=False,
        ),
    ]
    merge_base: Annotated[
        bool, typer.Option("--merge-base", help="Compare with the merge base of REV and HEAD.")
    ] = False
    committed: Annotated[
        bool,
        typer.Option("--committed", help="Ignore untracked files and uncommitted changes."),
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangesOutputFlags:
    """What to print, and in which format."""

    format_: Annotated[
        ChangesFormat,
        typer.Option(
            "--format",
            help="names: one per line. github: a matrix on one line. gitlab: a child pipeline.",
        ),
    ] = ChangesFormat.TEXT
    why: Annotated[
        bool, typer.Option("--why", help="Print a line per path instead of one per location.")
    ] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchFlags:
    """Dependencies that the files alone do not show."""

    watch: Annotated[
        list[str] | None,
        typer.Option(
            "--watch",
            metavar="LOCATION=GLOB",
            help="More paths that a location is made from; a leading ! excludes paths. May be "
            "repeated.",
        ),
    ] = None

    def watched(self) -> dict[str, list[str]]:
        """Globs by location.

        Raises:
            InvalidInputError: when one does not have the form LOCATION=GLOB.
        """
        watched: dict[str, list[str]] = {}
        for name, pattern in pairs("--watch", self.watch, form="LOCATION=GLOB"):
            watched.setdefault(name, []).append(pattern)
        return watched


def question_of(
    compared: ComparisonFlags, watch: WatchFlags, templates: TemplateFlags
) -> ChangesQuery:
    """The question that the options ask.

    Raises:
        InvalidInputError: when an option does not have its form.
    """
    from dagstead.repository.changes import ChangesQuery

    return ChangesQuery(
        path=compared.path,
        since=compared.since,
        merge_base=compared.merge_base,
        committed=compared.committed,
        watch=watch.watched(),
        template_values=templates.template_values(),
    )
