"""Read the repository that a command works on; what to do when it has no code locations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import Project


def read_locations(path: Path) -> Project:
    """Read a repository with code locations.

    Raises:
        InvalidInputError: when it has none; the message names a folder above it that has some.
    """
    from dagstead.repository.ci.projects import read_project

    project = read_project(path)
    if not project.locations:
        msg = f"There are no code locations in {str(path)!r}. {where_else(project)}"
        raise InvalidInputError(msg)
    return project


def where_else(project: Project) -> str:
    """What to do when a folder has no code locations: look at its files, or at another folder."""
    from dagstead.repository.files.project import left_out_note

    check = "`dagstead check` shows whether its files are wrong."
    left_out = left_out_note(project)
    sentences = [left_out] if left_out else [check] if project.files else []
    above = _nearest_above(project)
    if above is not None:
        sentences.append(f"{os.path.relpath(above)!r} has some: name that folder.")
    return " ".join(sentences) or "Name the folder that has the configuration."


def _nearest_above(project: Project) -> Path | None:
    """The nearest folder above, in the same repository, that has code locations."""
    from dagstead.repository.ci.projects import read_project

    for folder in project.root.parents:
        if not folder.is_relative_to(project.repository):
            return None
        if read_project(folder).locations:
            return folder
    return None
