"""``dagstead migrate``: move a repository between layouts."""

from __future__ import annotations

import posixpath
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.layouts.journal import Journal
    from dagstead.repository.layouts.plan import FileChange, Plan


class Target(StrEnum):
    """The names of the layouts; their own room is imported when it is needed."""

    PER_LOCATION = "per-location"
    ROOT = "root"
    ROOT_WORKFLOWS = "root-workflows"
    DG = "dg"


def migrate(  # noqa: PLR0913 - options of a command
    path: Annotated[
        Path, typer.Argument(help="The folder to migrate.", show_default=False)
    ] = Path(),
    *,
    to: Annotated[
        Target | None,
        typer.Option(
            "--to",
            help=(
                "per-location: a dagster_cloud.yaml in the folder of each location. "
                "root: one at the root. root-workflows: the same, with a workflow for each "
                "location. dg: dg's files."
            ),
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Change the files; without it, print a diff.")
    ] = False,
    location: Annotated[
        list[str] | None,
        typer.Option("--location", help="Move this one only; may be repeated.", metavar="NAME"),
    ] = None,
    folder: Annotated[
        list[str] | None,
        typer.Option(
            "--folder",
            help="The folder of a location, where build.directory does not say it.",
            metavar="NAME=PATH",
        ),
    ] = None,
    factor_defaults: Annotated[
        bool | None,
        typer.Option(
            "--factor-defaults/--expand-defaults",
            help="Write what all locations share as defaults, or write all defaults out.",
        ),
    ] = None,
    package_as_module: Annotated[
        bool,
        typer.Option(
            "--package-as-module",
            help="For dg: write package_name as module_name, which imports the same.",
        ),
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the old definitions where they are, too.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help=(
                "Bring back locations that a merge of files has lost (two lists of locations "
                "in one file), from the file, from its parts or from git."
            ),
        ),
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the last --write back, to the byte.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Finish a --write that was interrupted.")
    ] = False,
) -> None:
    """Move locations between one file at the root, one file for each location, and dg's files.

    Prints a diff and writes nothing without --write. Paths are rebased; comments, order, quotes
    and indentation stay. Before anything is written, the new files are read again and must give
    the same locations. What cannot be moved is refused with its place.

    For example:

    `dagstead migrate --to per-location` prints what would change

    `dagstead migrate --to per-location --write` changes it, and `dagstead migrate --undo` takes it
    back

    `dagstead migrate --to root --location etl --location reports` moves two locations

    `dagstead migrate --to root-workflows --write` makes a workflow for each location, too

    `dagstead migrate --repair` prints how what `cat */dagster_cloud.yaml` has lost comes back
    """
    from dagstead.repository.files import read_project
    from dagstead.repository.layouts.history import past_of
    from dagstead.repository.layouts.journal import Journal
    from dagstead.repository.layouts.plan import Layout, Wish
    from dagstead.repository.layouts.planning import plan_migration
    from dagstead.repository.layouts.repairing import plan_repair
    from dagstead.repository.layouts.tree import DiskTree

    if sum((to is not None, repair, undo, resume)) != 1:
        msg = "Say one of --to LAYOUT, --repair, --undo and --resume."
        raise InvalidInputError(msg)
    if path.is_file():
        msg = f"{str(path)!r} is a file. Name its folder, and locations with --location."
        raise InvalidInputError(msg)
    project = read_project(path)
    journal = Journal(project.repository)
    if undo or resume:
        for each in journal.undo() if undo else journal.finish():
            print(f"{'restored' if undo else 'wrote'} {each}")
        return
    wish = Wish(
        layout=Layout(to or Target.ROOT),
        names=frozenset(location or ()),
        folders=_folders(folder or []),
        factor_defaults=factor_defaults,
        package_as_module=package_as_module,
        keep=keep,
    )
    tree = DiskTree(project.root)
    if repair:
        plan = plan_repair(project, wish, tree, past_of(project))
    else:
        plan = plan_migration(project, wish, tree)
    if to is Target.ROOT_WORKFLOWS:
        plan = _with_workflows(project, plan)
    _carry_out(project, plan, journal, write=write, repair=repair)


def _carry_out(
    project: Project, plan: Plan, journal: Journal, *, write: bool, repair: bool
) -> None:
    from dataclasses import replace

    for remark in plan.remarks:
        typer.echo(f"note: {remark}", err=True)
    if not plan.changes:
        typer.echo("Nothing is lost." if repair else "Nothing has to change.", err=True)
        return
    prefix = _prefix(project)
    changes = [
        replace(each, path=posixpath.normpath(f"{prefix}{each.path}")) for each in plan.changes
    ]
    if write:
        journal.write(changes)
        _check_written(project, plan, journal)
        for each in changes:
            print(f"{_verb(each)} {each.path}")
        typer.echo("`dagstead migrate --undo` takes it back.", err=True)
        return
    _print_diff(changes)
    same = "" if repair else ", and every location stays the same"
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    typer.echo(f"{files} would change{same}. Nothing was written; --write does.", err=True)


def _check_written(project: Project, plan: Plan, journal: Journal) -> None:
    """Take everything back when the disk does not give what was planned.

    So it is when `.gitignore` leaves out a file that was made.
    """
    from dagstead.errors import LayoutError
    from dagstead.repository.files import read_project
    from dagstead.repository.layouts.proof import differences

    wrong = differences(plan.project, read_project(project.root))
    if wrong:
        journal.undo()
        msg = (
            f"Read again from disk, the locations are not the same: {' '.join(wrong)} Everything "
            "was taken back. Does .gitignore leave out one of the new files?"
        )
        raise LayoutError(msg)


def _with_workflows(project: Project, plan: Plan) -> Plan:
    """The plan with a generated workflow for each location; paths from the project."""
    import os
    from dataclasses import replace

    from dagstead.repository.layouts.plan import FileChange
    from dagstead.repository.workflows.generating import changed_files
    from dagstead.repository.workflows.options import Options, Pattern

    files = changed_files(plan.project, Options(pattern=Pattern.PER_LOCATION))
    made = tuple(
        FileChange(
            path=os.path.relpath(project.repository / path, project.root),
            before=before,
            after=after,
        )
        for path, before, after in files
    )
    return replace(plan, changes=(*plan.changes, *made))


def _print_diff(changes: Sequence[FileChange]) -> None:
    from dagstead.repository.layouts.plan import difference

    text = "".join(difference(each) for each in changes)
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console
    from rich.text import Text

    styles = {"+": "green", "-": "red", "@": "cyan"}
    console = Console(soft_wrap=True)
    for line in text.splitlines():
        console.print(Text(line, style=styles.get(line[:1], "")))


def _verb(change: FileChange) -> str:
    if change.before is None:
        return "created"
    return "removed" if change.after is None else "changed"


def _folders(given: Sequence[str]) -> dict[str, str]:
    folders = {}
    for each in given:
        name, equals, folder = each.partition("=")
        if not equals or not folder:
            msg = f"--folder {each!r} is not of the form NAME=PATH."
            raise InvalidInputError(msg)
        folders[name] = folder
    return folders


def _prefix(project: Project) -> str:
    """From the repository to the project."""
    relative = project.root.relative_to(project.repository).as_posix()
    return "" if relative == "." else f"{relative}/"
