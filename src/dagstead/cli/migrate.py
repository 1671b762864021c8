"""``dagstead migrate``: move a repository between layouts."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.groups import grouped
from dagstead.cli.options.migrate import LayoutFlags, LayoutName, MovedFlags, RescueFlags
from dagstead.cli.options.source import HERE
from dagstead.cli.output import prefix_in_repository, say
from dagstead.cli.reading import require_locations
from dagstead.errors import InvalidInputError
from dagstead.model.text import plain_lines

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.layouts.journal import Journal
    from dagstead.repository.layouts.model import FileChange, FileTree, Migration


@grouped
def migrate(
    path: Annotated[Path, typer.Argument(help="Folder to migrate.", show_default=False)] = HERE,
    *,
    layout: LayoutFlags,
    moved: MovedFlags,
    rescue: RescueFlags,
) -> None:
    """Move locations between one file at the root, one file per location, and dg's files.

    Without --write, only prints a diff. Paths are adjusted; comments, order, quotes and indentation
    stay. Before anything is written, the new files are read again and must define the same
    locations. If something cannot be moved, nothing is, and the error names its file and line.

    For example:

    `dagstead migrate --to per-location` prints what would change

    `dagstead migrate --to per-location --write` writes it; `dagstead migrate --undo` reverts that

    `dagstead migrate --to root --location etl --location reports` moves two locations

    `dagstead migrate --to root-workflows --write` makes a workflow for each location, too;
    with --replace it removes those that deployed them before

    `dagstead migrate --repair` prints how to restore what `cat */dagster_cloud.yaml` has lost
    """
    from dagstead.repository.layouts.journal import Journal

    rescue.check(layout.to)
    moved.check(layout.to)
    project = _read(path)
    journal = Journal(project.repository)
    if rescue.undo or rescue.resume:
        _finish(journal, project.repository, undo=rescue.undo)
    else:
        plan = _planned(path, project, layout.to, moved)
        _carry_out(project, plan, journal, write=layout.write, repair=rescue.repair)


def _read(path: Path) -> Project:
    from dagstead.repository.ci.projects import read_project

    if path.is_file():
        msg = f"{str(path)!r} is a file. Name its folder, and locations with --location."
        raise InvalidInputError(msg)
    return read_project(path)


def _finish(journal: Journal, repository: Path, *, undo: bool) -> None:
    for path in journal.undo() if undo else journal.finish():
        done = "restored" if undo else "wrote"
        say(f"{done if (repository / path).exists() else 'removed'} {path}")


def _planned(path: Path, project: Project, to: LayoutName | None, moved: MovedFlags) -> Migration:
    """How locations move, or, without a new layout, how lost ones are restored."""
    from dagstead.repository.files.reader import with_everything
    from dagstead.repository.layouts.history import history_of
    from dagstead.repository.layouts.model import DiskTree
    from dagstead.repository.layouts.restore import plan_repair

    if not with_everything(project).definitions:
        require_locations(project, path)
    tree = DiskTree(project.root)
    if to is None:
        return plan_repair(project, moved.request(LayoutName.ROOT), tree, history_of(project))
    plan = _moved(project, tree, to, moved)
    if not plan.changes:
        require_locations(project, path)
    return plan


def _moved(project: Project, tree: FileTree, to: LayoutName, moved: MovedFlags) -> Migration:
    from dagstead.repository.layouts.migration import plan_migration

    plan = plan_migration(project, moved.request(to), tree)
    if to is LayoutName.ROOT_WORKFLOWS:
        return _with_workflows(project, plan, replace_old=moved.replace)
    return plan


def _carry_out(
    project: Project, plan: Migration, journal: Journal, *, write: bool, repair: bool
) -> None:
    from dataclasses import replace

    for remark in plan.remarks:
        say(f"note: {remark}", err=True)
    if not plan.changes:
        say("Nothing is lost." if repair else "Nothing has to change.", err=True)
        return
    prefix = prefix_in_repository(project)
    changes = [
        replace(each, path=posixpath.normpath(f"{prefix}{each.path}")) for each in plan.changes
    ]
    if write:
        journal.write(changes)
        _check_written(project, plan, journal)
        for each in changes:
            say(f"{_verb(each)} {each.path}")
        say("`dagstead migrate --undo` reverts it.", err=True)
        return
    _print_diff(changes)
    same = "" if repair else ", and every location stays the same"
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    say(f"{files} would change{same}. Nothing was written; --write does.", err=True)


def _check_written(project: Project, plan: Migration, journal: Journal) -> None:
    """Revert everything if the files on disk do not define what was planned.

    That happens when `.gitignore` excludes a file that was created.
    """
    from dagstead.errors import LayoutError
    from dagstead.repository.ci.projects import read_project
    from dagstead.repository.files.reader import with_everything
    from dagstead.repository.layouts.proof import differences

    written = read_project(project.root)
    wrong = differences(with_everything(plan.project), with_everything(written))
    if wrong:
        journal.undo()
        msg = (
            f"Read again from disk, the locations are not the same: {' '.join(wrong)} Everything "
            "was reverted. Does .gitignore exclude one of the new files?"
        )
        raise LayoutError(msg)


def _with_workflows(project: Project, plan: Migration, *, replace_old: bool) -> Migration:
    """The plan with a generated workflow for each location; paths are relative to the project."""
    import os
    from dataclasses import replace

    from dagstead.errors import ConflictError
    from dagstead.repository.ci.provider import Provider
    from dagstead.repository.layouts.model import FileChange
    from dagstead.repository.workflows.choices import branch_of, provider_of, python_of
    from dagstead.repository.workflows.generation import (
        changed_files,
        commands_before,
        generate,
        older_than,
    )
    from dagstead.repository.workflows.options import Options, Pattern

    if provider_of(project) is Provider.GITLAB:
        msg = (
            "root-workflows makes workflows of GitHub, and this repository has a pipeline of "
            "GitLab, which is one file for all locations. Take --to root, and then "
            "`dagstead workflow generate`."
        )
        raise InvalidInputError(msg)
    options = Options(
        pattern=Pattern.PER_LOCATION, branch=branch_of(project), python=python_of(plan.project)
    )
    older = older_than(project, options, generate(plan.project, options))
    reasons = list(older.mixed if replace_old else older.refusals)
    if reasons:
        how = () if replace_old else ("Remove these workflows with --replace.",)
        raise ConflictError("\n".join((*reasons, *how)))
    files = changed_files(plan.project, options, [each.path for each in older.foreign])
    made = tuple(
        FileChange(
            path=os.path.relpath(project.repository / path, project.root),
            before=before,
            after=after,
        )
        for path, before, after in files
    )
    remarks = (*plan.remarks, *older.notes(commands_before(plan.project)))
    return replace(plan, changes=(*plan.changes, *made), remarks=remarks)


def _print_diff(changes: Sequence[FileChange]) -> None:
    from dagstead.repository.layouts.model import difference

    text = "".join(difference(each) for each in changes)
    if not sys.stdout.isatty():
        say(text, end="")
        return
    from rich.console import Console
    from rich.text import Text

    styles = {"+": "green", "-": "red", "@": "cyan"}
    console = Console(soft_wrap=True)
    for line in text.splitlines():
        console.print(Text(plain_lines(line), style=styles.get(line[:1], "")))


def _verb(change: FileChange) -> str:
    if change.before is None:
        return "created"
    return "removed" if change.after is None else "changed"
