"""Where uv's workspaces are: dg builds a project's image from the root of the one around it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from dagstead.model.families import Family
from dagstead.repository.files.project import ConfigFile

_FILE = "pyproject.toml"


def uv_workspaces(files: Iterable[ConfigFile]) -> frozenset[str]:
    """The folders whose ``pyproject.toml`` has ``[tool.uv.workspace]``; ``.`` is the root."""
    return frozenset(each.folder or "." for each in files if _has_workspace(each))


def workspace_around(folder: str, workspaces: frozenset[str]) -> str | None:
    """The nearest workspace at or above a folder.

    Whether the folder is a member of it does not matter to dg.
    """
    inside = posixpath.normpath(folder or ".")
    while inside not in {"", "."}:
        if inside in workspaces:
            return inside
        inside = posixpath.dirname(inside)
    above = (each for each in workspaces if each == "." or each.startswith(".."))
    return min(above, key=len, default=None)


def _has_workspace(file: ConfigFile) -> bool:
    if file.family is not Family.DG or posixpath.basename(file.path) != _FILE or file.root is None:
        return False
    table = file.root.get("tool", "uv", "workspace")
    # dg takes an empty table for none.
    return table is not None and bool(table.entries)
