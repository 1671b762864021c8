"""Which files a location is made from, for workflows that are started by a change of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from dagstead.model.location import Location
from dagstead.repository.changes import FilesOnDisk, Glob, Part, made_from
from dagstead.repository.files import Project


def watched_paths(project: Project) -> Mapping[str, tuple[str, ...]]:
    """Files and folders relative to the repository, which a change is looked for in.

    They are those of :mod:`dagstead.repository.changes`, and the files that define the location. A
    pattern is widened to the folder that it begins with.
    """
    files = FilesOnDisk(project.repository)
    try:
        prefix = project.root.relative_to(project.repository).as_posix()
    except ValueError:
        prefix = "."
    parts = made_from(project, files, prefix="" if prefix == "." else prefix)
    found = {}
    for location in project.locations:
        made = dict.fromkeys(_path(each) for each in parts[location.name.value])
        paths = (*_without_those_below(made), *defining_files(location, prefix))
        found[location.name.value] = tuple(dict.fromkeys(paths))
    return found


def defining_files(location: Location, prefix: str) -> Iterator[str]:
    """The configuration files of a location, in a project that is ``prefix`` below the top."""
    values = (location.registry, location.queue, location.build_directory)
    files = (location.file, *(e.node.source.file for e in values if e is not None))
    return (posixpath.normpath(posixpath.join(prefix, each)) for each in files)


def _path(part: Part) -> str:
    if not isinstance(part, Glob):
        return part.path
    beginning = re.split(r"[*?\[!\\]", part.pattern.lstrip("/"), maxsplit=1)
    folder = beginning[0].rpartition("/")[0] if len(beginning) > 1 else beginning[0]
    anchored = "/" in part.pattern.rstrip("/")
    return posixpath.normpath(posixpath.join(part.folder, folder if anchored else ""))


def _without_those_below(paths: Mapping[str, None]) -> Iterator[str]:
    for path in paths:
        folder = path
        while folder not in {"", "."}:
            folder = posixpath.dirname(folder) or "."
            if folder in paths:
                break
        else:
            yield path
