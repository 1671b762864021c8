"""The door to a repository: what is deployed there, as its files and its CI say.

Every command begins here, so that all speak of the same locations. Workflows are followed only
where the files leave open which of them are in force.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
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
    return _as_built(as_named(project, template_values=template_values))


def read_contents(
    root: Path,
    contents: Mapping[str, bytes],
    source: SourceFiles,
    *,
    template_values: TemplateValues | None = None,
) -> Project:
    """The same from bytes by path, as of a commit; ``source`` has the files of the repository."""
    project = reader.read_contents(root, contents, template_values=template_values)
    return _as_built(as_named(project, source, template_values=template_values), source)


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


def _as_built(project: Project, source: SourceFiles | None = None) -> Project:
    """The project in which locations are serverless that CI has dg build for a serverless agent.

    dg writes a ``build.registry`` for such a location as well, and reads it for hybrid ones only.
    """
    hybrid = [
        each
        for each in project.definitions
        if each.family is Family.DG and each.kind is Kind.HYBRID and each.registry is not None
    ]
    if not hybrid:
        return project
    from dagstead.repository.ci.acts import SERVERLESS_WAYS, Tool  # noqa: PLC0415 - as above
    from dagstead.repository.ci.inspection import inspect  # noqa: PLC0415 - as above

    inspection = inspect(project, source)
    found: dict[int, Location] = {}
    for location in hybrid:
        builds = inspection.builds_of(location)
        if builds and all(
            act.tool is Tool.DG and act.strategy in SERVERLESS_WAYS for act in builds
        ):
            place = f"{builds[0].position.file}:{builds[0].position.line}"
            reason = f"dg builds it for a serverless agent ({place}) and reads no build.registry"
            classification = replace(
                location.classification, kind=Kind.SERVERLESS, reason=reason, settle=None
            )
            found[id(location)] = replace(location, classification=classification, registry=None)
    return replace(
        project,
        definitions=tuple(found.get(id(each), each) for each in project.definitions),
        locations=tuple(found.get(id(each), each) for each in project.locations),
    )
