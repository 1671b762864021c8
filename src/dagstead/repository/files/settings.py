"""Dagstead's own settings of a repository: ``[tool.dagstead]`` in its ``pyproject.toml``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from dagstead.model.nodes import Node
from dagstead.repository.files.exclusion import Exclusion
from dagstead.repository.files.project import ConfigFile

_FILE = "pyproject.toml"


def settings_table(file: ConfigFile) -> Node | None:
    """``[tool.dagstead]`` of a file, ``None`` where it has none."""
    if posixpath.basename(file.path) != _FILE or file.root is None:
        return None
    return file.root.get("tool", "dagstead")


def patterns_of(listed: Node | None) -> Iterator[tuple[Node, str | None]]:
    """The patterns of ``exclude`` with what is wrong with them, ``None`` for a good one."""
    if listed is None:
        return
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to import, and often not needed

    for each in listed.items:
        if not isinstance(each.value, str):
            yield each, "it is not text"
            continue
        try:
            GitIgnoreSpec.from_lines([each.value])
        except ValueError:
            yield each, "it is not a pattern of .gitignore"
        else:
            yield each, None


def exclusion(files: Iterable[ConfigFile], root: PurePath) -> Exclusion:
    """What the settings at the root of a project, and above it in its repository, exclude."""
    specs = []
    for file in files:
        above = file.path.count("../")
        table = settings_table(file) if above or not file.folder else None
        listed = None if table is None else table.get("exclude")
        good = [each for each, why in patterns_of(listed) if why is None]
        if good:
            from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to import, rarely needed

            start = "".join(f"{each}/" for each in root.parts[-above:]) if above else ""
            spec = GitIgnoreSpec.from_lines([str(each.value) for each in good])
            specs.append((start, spec))
    return Exclusion(specs=tuple(specs))
