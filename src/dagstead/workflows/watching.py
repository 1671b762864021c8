"""Which files a location is made from, as far as its own files tell.

The folder that is built, the file that defines it, and the folders that its requirements name by
path, and theirs in turn.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagstead.project import Location, Project

_MOST_BYTES = 1_000_000
_MOST_FOLDERS = 200

#: ``-e ../shared``, ``./lib``, ``shared @ file:../shared``, ``-r ../common.txt``
_REQUIREMENT = re.compile(
    r"^\s*(?:-e|--editable|-r|--requirement|-c|--constraint)[ =]+(?P<option>[^\s#;]+)"
    r"|^\s*(?P<path>\.{1,2}/[^\s#;\[]*)"
    r"|^[^#]*?@\s*file:(?://)?(?P<file>[^\s#;]+)"
)


def watched_paths(project: Project, location: Location) -> Iterator[str]:
    """Files and folders relative to the root of the project, which a change is looked for in.

    Those outside of the project begin with ``..``.
    """
    yield location.build_folder
    yield location.file
    for value in (location.registry, location.queue, location.build_directory):
        if value is not None and value.node.source.file != location.file:
            yield value.node.source.file
    yield from _dependencies(project.root, location.build_folder)


def _dependencies(root: Path, folder: str) -> Iterator[str]:
    pending, seen = [folder], {folder}
    while pending and len(seen) < _MOST_FOLDERS:
        current = pending.pop()
        for path in _named_by(root, current):
            if path not in seen:
                seen.add(path)
                pending.append(path)
                yield path


def _named_by(root: Path, folder: str) -> Iterator[str]:
    """Paths that the files of a folder, or a file of requirements, name as dependencies."""
    if folder.endswith(".txt"):
        yield from _requirements(root, folder)
        return
    text = _text(root / folder / "pyproject.toml")
    if text is not None:
        for path in _project_paths(text):
            yield posixpath.normpath(posixpath.join(folder, path))
    requirements = posixpath.join(folder, "requirements.txt")
    yield from _requirements(root, requirements)


def _requirements(root: Path, file: str) -> Iterator[str]:
    for line in (_text(root / file) or "").splitlines():
        found = _REQUIREMENT.match(line)
        named = found and (found["option"] or found["path"] or found["file"])
        if named and not named.startswith(("/", "$")) and ":" not in named:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(file), named))


def _project_paths(text: str) -> Iterator[str]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    tools = _table(document.get("tool"))
    sources = list(_table(_table(tools.get("uv")).get("sources")).values())
    poetry = _table(tools.get("poetry"))
    sources += _table(poetry.get("dependencies")).values()
    for source in sources:
        for each in source if isinstance(source, list) else [source]:
            path = _table(each).get("path")
            if isinstance(path, str) and not path.startswith("/"):
                yield path


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES)
    except OSError:
        return None
    return data.decode("utf-8", errors="replace")
