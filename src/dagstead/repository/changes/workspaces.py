"""Workspaces of uv: which folders are members, and by which names."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from dagstead.model.nodes import Node
from dagstead.repository.changes.files import Files
from dagstead.repository.changes.parts import above, joined
from dagstead.repository.changes.pyprojects import project_name, texts_of


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Workspace:
    """A folder whose ``pyproject.toml`` has ``[tool.uv.workspace]``."""

    folder: str
    root: Node
    #: The folders of its members and its own, by the names of their packages.
    members: Mapping[str, str]
    folders: frozenset[str]


class Workspaces:
    """The workspaces of a repository, each read once."""

    def __init__(self, files: Files, pyproject: Callable[[str], Node | None]) -> None:
        self._files = files
        self._pyproject = pyproject
        self._found: dict[str, Workspace | None] = {}

    def around(self, folder: str) -> Workspace | None:
        """The workspace that a folder is a member or the root of."""
        for each in (folder, *above(folder)):
            workspace = self._at(each)
            if workspace is not None and folder in workspace.folders:
                return workspace
        return None

    def _at(self, folder: str) -> Workspace | None:
        if folder not in self._found:
            root = self._pyproject(folder)
            table = None if root is None else root.get("tool", "uv", "workspace")
            self._found[folder] = (
                None if root is None or table is None else self._read(folder, root, table)
            )
        return self._found[folder]

    def _read(self, folder: str, root: Node, table: Node) -> Workspace:
        excluded = [each.text or "" for each in texts_of(table.get("exclude"))]
        folders = {folder}
        for glob in texts_of(table.get("members")):
            for each in self._expanded(folder, (glob.text or "").strip("/").split("/")):
                inside = posixpath.relpath(each, folder)
                if not any(fnmatchcase(inside, pattern.strip("/")) for pattern in excluded):
                    folders.add(each)
        members = {}
        for each in sorted(folders):
            name = project_name(self._files.read(joined(each, "pyproject.toml") or ""))
            if name is not None:
                members[name] = each
        return Workspace(folder=folder, root=root, members=members, folders=frozenset(folders))

    def _expanded(self, folder: str, parts: list[str]) -> Iterator[str]:
        if not parts:
            if self._files.is_file(joined(folder, "pyproject.toml") or ""):
                yield folder
            return
        first, rest = parts[0], parts[1:]
        if not any(each in first for each in "*?["):
            below = joined(folder, first)
            if below is not None:
                yield from self._expanded(below, rest)
            return
        if first == "**":
            yield from self._expanded(folder, rest)
        for name in self._files.names(folder):
            if fnmatchcase(name, first) and not name.startswith("."):
                yield from self._expanded(
                    joined(folder, name) or name, parts if first == "**" else rest
                )
