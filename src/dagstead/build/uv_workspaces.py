"""Which ``uv.lock`` holds for a folder: its own, or that of its workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def lock_of(folder: Path) -> Path | None:
    """The lock of a folder with a ``[project]``; ``None`` where uv has locked nothing of it."""
    if "project" not in pyproject(folder):
        return None
    own = folder / "uv.lock"
    if own.is_file():
        return own
    for parent in folder.parents:
        workspace = uv_table(pyproject(parent)).get("workspace")
        if workspace is not None:
            shared = parent / "uv.lock"
            members = table(workspace).get("members", [])
            is_member = any(folder in parent.glob(str(each)) for each in members)
            return shared if is_member and shared.is_file() else None
    return None


def pyproject(folder: Path) -> Mapping[str, Any]:
    """The ``pyproject.toml`` of a folder; empty where it is missing or cannot be read."""
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # uv reports what cannot be read, with the place.
        return {}


def uv_table(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """``[tool.uv]`` of a ``pyproject.toml``."""
    return table(table(document.get("tool")).get("uv"))


def table(value: Any) -> Mapping[str, Any]:
    """A table as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}
