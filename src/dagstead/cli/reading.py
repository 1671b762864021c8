"""Read the repository that a command works on; what to do when it has no code locations."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import Project
    from dagstead.repository.files.project import ConfigFile


def read_locations(path: Path, names: Collection[str] = ()) -> Project:
    """Read a repository with code locations.

    Args:
        path: its folder, or one file.
        names: the only locations that matter, if not all.

    Raises:
        InvalidInputError: when it has none; the message names a folder above it that has some.
            Also when it is not clear which locations there are, unless it is for those that matter.
    """
    from dagstead.repository.ci.projects import read_project

    project = read_project(path)
    known = {each.name.value for each in project.locations}
    unclear = list(_repeated(project, names))
    if not (names and known.issuperset(names)):
        unclear += _unread(project)
    if unclear:
        msg = " ".join((*unclear, "`dagstead check` shows everything that is wrong."))
        raise InvalidInputError(msg)
    require_locations(project, path)
    return project


def require_locations(project: Project, path: Path) -> None:
    """Pass over a project with code locations.

    Raises:
        InvalidInputError: when it has none; the message names a folder above it that has some.
    """
    if not project.locations:
        msg = f"There are no code locations in {str(path)!r}. {where_else(project)}"
        raise InvalidInputError(msg)


def where_else(project: Project) -> str:
    """What to do when a folder has no code locations: look at its files, or at another folder."""
    from dagstead.model.families import Family

    check = "`dagstead check` shows whether its files are wrong."
    known = why_none(project)
    defines = any(project.files_of(Family.CLOUD, Family.DG))
    sentences = [known] if known else [check] if defines else []
    above = _nearest_above(project)
    if above is not None:
        folder = os.path.relpath(above)
        sentences.insert(0, f"{folder!r} has some: name it, as in `dagstead check {folder}`.")
    return " ".join(sentences) or (
        "No dagster_cloud.yaml and no dg project is there. "
        "Name the folder of your repository that has one."
    )


def _unread(project: Project) -> Iterator[str]:
    """A sentence for each file that may define locations and cannot be read."""
    yield from (_why_unread(each) for each in project.files if each.is_unreadable)


def _repeated(project: Project, names: Collection[str]) -> Iterator[str]:
    """A sentence for each location that matters and that its file defines again."""
    matter = (each for each in project.locations if not names or each.name.value in names)
    in_force = {(each.file, each.name.value): each for each in matter}
    for each in project.definitions:
        first = in_force.get((each.file, each.name.value))
        if first is not None and first.position != each.position:
            yield (
                f"{each.position} defines {each.name.value!r} again, after {first.position}: every "
                "location needs a name of its own."
            )


def _why_unread(file: ConfigFile) -> str:
    if file.template_tag is not None:
        return (
            f"{file.path} is a template: its locations are known only when it is rendered. "
            f"Write what `dagster-cloud ci template` makes of it in its place."
        )
    problem = file.undecodable or file.parsed.syntax or file.template_problem
    place = file.start if problem is None else file.source.position(problem.start, problem.end)
    why = "" if problem is None else f": {problem.message}"
    return f"{place} cannot be read{why}. Correct it: its locations are not known."


def why_none(project: Project) -> str:
    """Why a folder has no code locations, where a file in it shows that; empty where none does."""
    from dagstead.repository.files.project import left_out_note

    return left_out_note(project) or _not_kept(project)


def _not_kept(project: Project) -> str:
    """What to do about the file that is there, and that nobody else will have."""
    from dagstead.repository.files.oss_workspace import of_workspace

    name = "dagster_cloud.yaml"
    if (project.root / name).is_file() and not any(each.path == name for each in project.read):
        return (
            f".gitignore leaves {name} out, and git does not keep it, so that no other checkout "
            f"has it. Run `git add -f {name}`, or name the file itself."
        )
    return of_workspace(project.root)


def _nearest_above(project: Project) -> Path | None:
    """The nearest folder above, in the same repository, that has code locations."""
    from dagstead.repository.ci.projects import read_project

    for folder in project.root.parents:
        if not folder.is_relative_to(project.repository):
            return None
        if read_project(folder).locations:
            return folder
    return None
