"""The door to a repository: what is deployed there, as its files and its CI say.

Every command begins here, so that all speak of the same locations. Workflows are followed only
where the files leave open which of them are in force.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.model.families import Family
from dagstead.repository.files import Project, TemplateValues, reader
from dagstead.repository.files.project import project_prefix

if TYPE_CHECKING:
    from dagstead.repository.ci.reader import SourceFiles


def read_project(root: Path, *, template_values: TemplateValues | None = None) -> Project:
    """Read a folder, or one file: see :func:`dagstead.repository.files.read_project`.

    Raises:
        InvalidInputError: when there is no such folder or file, or it cannot be read.
    """
    project = reader.read_project(root, template_values=template_values)
    return as_named(project, template_values=template_values)


def read_contents(
    root: Path,
    contents: Mapping[str, bytes],
    source: SourceFiles,
    *,
    template_values: TemplateValues | None = None,
) -> Project:
    """The same from bytes by path, as of a commit; ``source`` has the files of the repository."""
    project = reader.read_contents(root, contents, template_values=template_values)
    return as_named(project, source, template_values=template_values)


def as_named(
    project: Project,
    source: SourceFiles | None = None,
    *,
    template_values: TemplateValues | None = None,
) -> Project:
    """The project with the files in force that CI names.

    Args:
        project: what was read.
        source: the files of its repository, by their paths from its top; without it those on disk.
        template_values: what templates are rendered with.
    """
    if not project.is_open:
        return project
    from dagstead.repository.ci.naming import named_files  # noqa: PLC0415 - slow, often not needed
    from dagstead.repository.ci.reader import FilesBelow  # noqa: PLC0415 - the same

    source = source or FilesBelow(project.repository)
    named = named_files(project, source)
    prefix = project_prefix(project)
    known = {each.path for each in project.read if each.family is Family.CLOUD}
    contents = {
        path: data
        for path in named.cloud - known
        if (data := source.read(posixpath.normpath(posixpath.join(prefix, path)))) is not None
    }
    return reader.with_named(project, named, contents, template_values=template_values)
