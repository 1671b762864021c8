"""From a project and a wish to every file as it is to be, proven to mean the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dagstead.errors import LayoutError
from dagstead.project.layouts.dg_in import unmovable
from dagstead.project.layouts.dg_out import to_dg
from dagstead.project.layouts.fitness import unfit, unreadable
from dagstead.project.layouts.leftovers import with_all_comments
from dagstead.project.layouts.moving import moved
from dagstead.project.layouts.plan import (
    Layout,
    Plan,
    Tree,
    Wish,
    changes_of,
    checked_names,
    refusal,
)
from dagstead.project.layouts.proof import differences
from dagstead.project.layouts.remarks import remarks
from dagstead.project.layouts.targets import find_moves
from dagstead.project.model import Project
from dagstead.project.reader import with_changes
from dagstead.project.source import SourceText

Files = Mapping[str, SourceText | None]


def plan_migration(project: Project, wish: Wish, tree: Tree) -> Plan:
    """The changes that bring a project into a layout. Nothing is written.

    Args:
        project: what was read, without values for templates.
        wish: what is asked for.
        tree: the files beside the configuration, below the root of the project.

    Raises:
        InvalidInputError: for a name that no location has.
        LayoutError: when something speaks against it; a line for each reason, with its place.
    """
    checked_names(project, wish)
    _refuse(unreadable(project, wish))
    moves = find_moves(project, wish, tree)
    _refuse(unfit(project, moves))
    if wish.layout is Layout.DG:
        files = to_dg(project, moves, wish, tree)
    else:
        _refuse(unmovable(project, moves, wish))
        files = moved(project, moves, wish)
    if not wish.keep:
        files = with_all_comments(project, moves, files)
    plan = proven(project, wish, tree, files)
    return replace(plan, remarks=tuple(remarks(project, moves, wish, files)))


def proven(project: Project, wish: Wish, tree: Tree, files: Files) -> Plan:
    """A plan of some files, when the locations that they define are those of the project.

    Raises:
        LayoutError: when they are not; this is a mistake of Dagstead.
    """
    changes = changes_of(tree, files)
    after = with_changes(project, {each.path: each.after for each in changes})
    wrong = differences(project, after, package_is_module=wish.package_as_module)
    if wrong:
        msg = (
            "The migration was worked out wrongly, and nothing is written: "
            f"{' '.join(wrong)} Please report it with the files."
        )
        raise LayoutError(msg)
    return Plan(changes=changes, project=after)


def _refuse(reasons: Iterable[str]) -> None:
    found = list(reasons)
    if found:
        raise refusal(found)
