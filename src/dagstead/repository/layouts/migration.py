"""Plans a migration: every file as it will be, proven to mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from yaml import YAMLError

from dagstead.errors import LayoutError
from dagstead.model.source import SourceText
from dagstead.repository.files.project import Project
from dagstead.repository.files.reader import with_changes, with_everything
from dagstead.repository.layouts.dg_in import unmovable
from dagstead.repository.layouts.dg_out import to_dg
from dagstead.repository.layouts.fitness import unfit, unreadable
from dagstead.repository.layouts.leftovers import with_all_comments
from dagstead.repository.layouts.model import (
    FileTree,
    Layout,
    Migration,
    MigrationRequest,
    changes_of,
    checked,
    refusal,
)
from dagstead.repository.layouts.proof import differences
from dagstead.repository.layouts.regroup import moved
from dagstead.repository.layouts.remarks import no_longer_deployed, remarks
from dagstead.repository.layouts.targets import Move, find_moves, root_file
from dagstead.repository.rules.build_folders import refusals

Files = Mapping[str, SourceText | None]

#: What is said of a mistake of this program, which its proof has found.
_MISTAKE = (
    "The migration was worked out wrongly, and nothing is written: {} "
    "Please report it with the files."
)


def plan_migration(project: Project, request: MigrationRequest, tree: FileTree) -> Migration:
    """The changes that bring a project into a layout. Nothing is written.

    Args:
        project: what was read, without values for templates.
        request: what is asked for.
        tree: the files beside the configuration, below the root of the project.

    Raises:
        InvalidInputError: for a name that no location has.
        LayoutError: when something speaks against it; a line for each reason, with its place.
    """
    known = {each.name.value for each in project.definitions}
    if not request.names <= known:
        # Somebody names a location whose file does not count so far.
        project = with_everything(project)
    checked(project, request)
    _refuse(unreadable(project, request))
    _refuse(_with_unnamed_folder(project, request))
    moves = find_moves(project, request, tree)
    _refuse(unfit(project, moves))
    if request.layout is not Layout.DG:
        _refuse(unmovable(project, moves, request))
    try:
        files = _files(project, moves, request, tree)
    except (ValueError, YAMLError) as error:
        raise LayoutError(_MISTAKE.format(str(error))) from error
    plan = proven(project, request, tree, files)
    found = remarks(project, moves, request, files, tree)
    gone = no_longer_deployed(project, plan.project)
    return replace(plan, remarks=(*found, *gone))


def _with_unnamed_folder(project: Project, request: MigrationRequest) -> Iterator[str]:
    """Locations that would take a wrong build directory with them."""
    root = root_file(project) if request.layout in {Layout.ROOT, Layout.ROOT_WORKFLOWS} else None
    going = (each for each in project.definitions if each.file != root)
    meant = (each for each in going if request.takes(each.name.value))
    return refusals(project, (each for each in meant if each.name.value not in request.folders))


def _files(
    project: Project, moves: Sequence[Move], request: MigrationRequest, tree: FileTree
) -> Files:
    if request.layout is Layout.DG:
        files: Files = to_dg(with_everything(project), moves, request, tree)
    else:
        files = moved(project, moves, request)
    return files if request.keep else with_all_comments(project, moves, files)


def proven(project: Project, request: MigrationRequest, tree: FileTree, files: Files) -> Migration:
    """A plan of some files, when the locations that they define are those of the project.

    Raises:
        LayoutError: when they are not; this is a mistake of Dagstead.
    """
    changes = changes_of(tree, files)
    after = with_changes(project, {each.path: each.after for each in changes})
    wrong = differences(
        with_everything(project),
        with_everything(after),
        package_is_module=request.package_as_module,
    )
    if wrong:
        raise LayoutError(_MISTAKE.format(" ".join(wrong)))
    return Migration(changes=changes, project=after)


def _refuse(reasons: Iterable[str]) -> None:
    found = list(reasons)
    if found:
        raise refusal(found)
