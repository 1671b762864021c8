"""Workflows and scripts that a migration leaves pointing at what is no longer there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from dagstead.model.families import Family
from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, ActKind, Tool
from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.ci.script_files import script_files
from dagstead.repository.files.project import Project
from dagstead.repository.layouts.model import Layout, MigrationRequest
from dagstead.repository.layouts.targets import Move


def mentions(
    project: Project, moves: Sequence[Move], request: MigrationRequest, gone: Sequence[str]
) -> Iterator[str]:
    """What of workflows and scripts has to change, with places.

    Args:
        project: the repository before the migration.
        moves: where its locations go.
        request: what was asked for.
        gone: the files that are taken away.
    """
    inspection = inspect(project)
    written: set[tuple[str, str]] = set()
    for at, path in _by_text(project, gone):
        written.add((at.file, path))
        yield f"{at} names {path}, which is removed. Update that line."
    given: dict[str, list[str]] = {}
    for at, path in _by_acts(inspection, gone):
        if (at.file, path) not in written:
            given.setdefault(str(at), []).append(path)
    for file, path in dict.fromkeys(_by_scripts(project, gone)):
        if (file, path) not in written:
            given.setdefault(file, []).append(path)
    for place, paths in given.items():
        removed = f"{' and '.join(paths)}, which {'is' if len(paths) == 1 else 'are'} removed"
        yield f"{place} deploys {removed}. Update the path that it is given."
    if any(each.location.family is Family.DG and not each.stays for each in moves):
        yield from _by_dg(inspection, request)


def _by_text(project: Project, gone: Sequence[str]) -> Iterator[tuple[Position, str]]:
    """Where the path of a file that goes is written."""
    for file in project.files_of(Family.WORKFLOW, Family.TEXT):
        for path in gone:
            found = re.search(rf"(?<![\w/.-]){re.escape(path)}", file.source.text)
            if found:
                yield file.source.position(found.start(), found.end()), path


def _by_acts(inspection: Inspection, gone: Sequence[str]) -> Iterator[tuple[Position, str]]:
    """Where a workflow is given such a file, whatever its path is put together from."""
    paths = {posixpath.normpath(posixpath.join(inspection.prefix, each)): each for each in gone}
    found = dict.fromkeys(
        (act.position, paths[act.file])
        for act in _acts(inspection)
        if act.tool is not Tool.DG and act.file in paths
    )
    seen: set[tuple[str, str]] = set()
    for place, path in found:
        if (place.file, path) not in seen:
            seen.add((place.file, path))
            yield place, path


def _by_scripts(project: Project, gone: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Where a command of a script file is given such a file."""
    for script in script_files(project):
        for given in script.given():
            if given.tool is not Tool.DG and given.path in gone:
                yield script.file.path, str(given.path)


def _by_dg(inspection: Inspection, request: MigrationRequest) -> Iterator[str]:
    """Where ``dg plus deploy`` is run, which knows dg's tables alone."""
    if request.layout is Layout.DG:
        return
    places = dict.fromkeys(
        act.position
        for act in _acts(inspection)
        if act.tool is Tool.DG and act.does in {ActKind.BEGIN, ActKind.BUILD_AND_DEPLOY}
    )
    for place in places:
        yield (
            f"{place} deploys with `dg plus deploy`, which reads dg's tables and no "
            "dagster_cloud.yaml. Replace it, or its deploy stays what it is."
        )


def _acts(inspection: Inspection) -> Iterator[Act]:
    for each in inspection.workflows:
        yield from (act for _, act in each.acts())
