"""``dagstead changes``: which locations a change touches, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.changes import (
    ChangesFormat,
    ChangesOutputFlags,
    ComparisonFlags,
    WatchFlags,
    question_of,
)
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.templates import TemplateFlags
from dagstead.cli.output import say
from dagstead.errors import DagsteadError

if TYPE_CHECKING:
    from dagstead.repository.changes import Changes, ChangesQuery


@grouped
def changes(
    *,
    compared: ComparisonFlags,
    output: ChangesOutputFlags,
    watch: WatchFlags,
    templates: TemplateFlags,
    exit_code: Annotated[
        bool,
        typer.Option("--exit-code", help="Exit with 1 if a location is touched, as git diff does."),
    ] = False,
) -> None:
    """Show which locations a change touches, and why.

    A change touches a location if it changes a path that the location is made from: its build
    folder, what its Dockerfile copies, packages that it requires by path (and what those require),
    shared lock files, the workflows that build it; or if it changes the meaning of its
    configuration entry. Uncommitted changes count, too, unless --committed is given. Exits with 2
    if there is no answer.

    For example:

    `dagstead changes --since origin/main...` shows what a branch touches

    `dagstead changes --since HEAD --format names` lists what uncommitted changes touch

    `dagstead changes --since HEAD~1 --why` shows every path and why it counts

    `dagstead changes --since v1 --watch 'etl=dbt_project/**'` adds files that only code opens
    """
    from dagstead.cli.failures import MISTAKE, report

    try:
        touched = _printed(question_of(compared, watch, templates), output)
    except DagsteadError as error:
        # 1 means that something is touched, so even a failure of git has to be 2.
        report(error)
        raise typer.Exit(MISTAKE) from error
    if exit_code and touched:
        raise typer.Exit(1)


def _printed(query: ChangesQuery, output: ChangesOutputFlags) -> bool:
    from dagstead.repository.changes import find_changes
    from dagstead.repository.changes.workflow_files import known_from_workflows

    found = find_changes(query, more_known=known_from_workflows)
    for line in _lines(found, output):
        say(line)
    _remark(found, output.format_)
    return bool(found.touched or found.gone)


def _lines(found: Changes, output: ChangesOutputFlags) -> Iterable[str]:
    from dagstead.repository.changes import reports
    from dagstead.repository.workflows.changed import github_matrix, gitlab_child

    match output.format_:
        case ChangesFormat.TEXT:
            return reports.as_lines(found, every_path=output.why)
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
        say(f"note: {remark}", err=True)
    if format_ is not ChangesFormat.TEXT:
        for each in found.gone:
            say(f"note: {each.name} was removed; there is nothing to build.", err=True)
    say(
        f"Locations touched: {len(found.touched)} of {len(found.project.locations)}. "
        f"Paths changed since {found.base[:12]}: {len(found.changes)}.",
        err=True,
    )
    rest = reports.elsewhere(found)
    if rest:
        say(rest, err=True)
