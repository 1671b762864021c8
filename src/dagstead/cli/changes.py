"""``dagstead changes``: which locations a change touches, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.template_values import ValuesOption, VarOption, template_values
from dagstead.errors import DagsteadError, InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.changes import Changes, Question


class ChangesFormat(StrEnum):
    """How touched locations are printed."""

    TEXT = "text"
    NAMES = "names"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


def changes(  # noqa: PLR0913 - options of a command
    path: Annotated[
        Path, typer.Argument(help="Folder of a repository, or one file.", show_default=False)
    ] = Path(),
    *,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="REV",
            help="Compare with this commit itself; with REV... with its merge base with HEAD.",
            show_default=False,
        ),
    ],
    merge_base: Annotated[
        bool, typer.Option("--merge-base", help="Compare with the merge base of REV and HEAD.")
    ] = False,
    committed: Annotated[
        bool,
        typer.Option("--committed", help="Leave out what is not committed, and untracked files."),
    ] = False,
    format_: Annotated[
        ChangesFormat,
        typer.Option(
            "--format",
            help="names: one a line. github: a matrix, in one line. gitlab: a child pipeline.",
        ),
    ] = ChangesFormat.TEXT,
    why: Annotated[
        bool, typer.Option("--why", help="A line for each path, not for each location.")
    ] = False,
    watch: Annotated[
        list[str] | None,
        typer.Option(
            "--watch",
            metavar="LOCATION=GLOB",
            help="Paths that a location is made from, too; ! takes paths out. May be repeated.",
        ),
    ] = None,
    var: VarOption = None,
    values: ValuesOption = None,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="Exit with 1 when a location is touched, as git diff."),
    ] = False,
) -> None:
    """Tell which locations a change touches, and why.

    A location is touched when a path that it is made from differs: its build folder, what its
    Dockerfile copies, packages that it requires by path and theirs in turn, shared lock files, the
    workflows that build it; or when its configuration entry means something else. What is not
    committed counts, unless --committed. Exits with 0, and with 2 when it could not tell.

    For example:

    `dagstead changes --since origin/main...` tells what a branch touches

    `dagstead changes --since HEAD --format names` lists what is not committed yet

    `dagstead changes --since HEAD~1 --why` has every path, and what led to it

    `dagstead changes --since v1 --watch 'etl=dbt_project/**'` adds what no file tells of
    """
    from dagstead.cli.failures import MISTAKE, report
    from dagstead.repository.changes import Question

    try:
        question = Question(
            path=path,
            since=since,
            merge_base=merge_base,
            committed=committed,
            watch=_watched(watch or []),
            template_values=template_values(var or [], values),
        )
        touched = _printed(question, format_, why=why)
    except DagsteadError as error:
        # 1 says that something is touched, so that even a failure of git is 2.
        report(error)
        raise typer.Exit(MISTAKE) from error
    if exit_code and touched:
        raise typer.Exit(1)


def _printed(question: Question, format_: ChangesFormat, *, why: bool) -> bool:
    from dagstead.repository.changes import find_changes
    from dagstead.repository.changes.workflow_files import known_from_workflows

    found = find_changes(question, more_known=known_from_workflows)
    for line in _lines(found, format_, why=why):
        print(line)
    _remark(found, format_)
    return bool(found.touched or found.gone)


def _lines(found: Changes, format_: ChangesFormat, *, why: bool) -> Iterable[str]:
    from dagstead.repository.changes import reports
    from dagstead.repository.workflows.changed import github_matrix, gitlab_child

    match format_:
        case ChangesFormat.TEXT:
            return reports.as_lines(found, every_path=why)
        case ChangesFormat.NAMES:
            return reports.names(found)
        case ChangesFormat.JSON:
            return (reports.as_json(found),)
        case ChangesFormat.GITHUB:
            return (github_matrix(found),)
        case ChangesFormat.GITLAB:
            return (gitlab_child(found),)


def _remark(found: Changes, format_: ChangesFormat) -> None:
    from dagstead.repository.changes import reports

    for remark in found.remarks:
        typer.echo(f"note: {remark}", err=True)
    if format_ is not ChangesFormat.TEXT:
        for each in found.gone:
            typer.echo(f"note: {each.name} is gone; there is nothing to build.", err=True)
    typer.echo(
        f"Locations touched: {len(found.touched)} of {len(found.project.locations)}. "
        f"Paths changed since {found.base[:12]}: {len(found.changes)}.",
        err=True,
    )
    rest = reports.elsewhere(found)
    if rest:
        typer.echo(rest, err=True)


def _watched(given: Sequence[str]) -> dict[str, list[str]]:
    watched: dict[str, list[str]] = {}
    for each in given:
        name, equals, pattern = each.partition("=")
        if not (equals and name and pattern):
            msg = f"--watch {each!r} is not of the form LOCATION=GLOB."
            raise InvalidInputError(msg)
        watched.setdefault(name, []).append(pattern)
    return watched
