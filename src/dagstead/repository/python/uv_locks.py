"""Which ``uv.lock`` holds for a folder: its own, or that of its workspace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagstead.repository.files.toml_files import TomlFiles

_PYPROJECT = "pyproject.toml"


class UvLocks:
    """Finds the locks of folders. Every file is read, and every workspace listed, once."""

    def __init__(self, documents: TomlFiles) -> None:
        """Take what was read already."""
        self._documents = documents
        self._members: dict[Path, frozenset[Path] | None] = {}

    def of(self, folder: Path) -> Path | None:
        """The lock of a folder with a ``[project]``; ``None`` where uv has locked nothing of it."""
        if "project" not in (self._documents.get(folder / _PYPROJECT) or {}):
            return None
        own = folder / "uv.lock"
        if own.is_file():
            return own
        for parent in folder.parents:
            members = self._members_of(parent)
            if members is not None:
                shared = parent / "uv.lock"
                return shared if folder in members and shared.is_file() else None
        return None

    def _members_of(self, folder: Path) -> frozenset[Path] | None:
        """The members of the workspace at a folder; ``None`` where there is none."""
        if folder not in self._members:
            document = self._documents.get(folder / _PYPROJECT) or {}
            workspace = uv_table(document).get("workspace")
            patterns = table(workspace).get("members", [])
            members = frozenset(path for each in patterns for path in folder.glob(str(each)))
            self._members[folder] = None if workspace is None else members
        return self._members[folder]


def pyproject(folder: Path) -> Mapping[str, Any]:
    """The ``pyproject.toml`` of a folder; empty where it is missing or cannot be read."""
    # uv reports what cannot be read, with the place.
    return TomlFiles().get(folder / _PYPROJECT) or {}


def uv_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """``[tool.uv]`` of a ``pyproject.toml``."""
    return table(table(document.get("tool")).get("uv"))


def table(value: Any) -> Mapping[str, Any]:
    """A table as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}
