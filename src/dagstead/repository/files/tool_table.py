"""``[tool.dagstead]`` of a ``pyproject.toml``: what a repository says to this tool alone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.errors import InvalidInputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolTable:
    """The table; a key that is not written is empty."""

    #: ``exclude``: patterns, as in ``.gitignore``, of paths that are none of this repository's.
    exclude: tuple[str, ...] = ()
    #: ``before-build``: commands for a shell.
    before_build: tuple[str, ...] = ()


def read_tool_table(file: Path, name: str) -> ToolTable:
    """Read it from a file; one that is missing or cannot be read has none.

    Args:
        file: the ``pyproject.toml``.
        name: what it is called in an error.

    Raises:
        InvalidInputError: when a key has no list of texts.
    """
    try:
        document: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        # uv, or a rule, reports what cannot be read, with the place.
        return ToolTable()
    tool = document.get("tool")
    table = tool.get("dagstead") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return ToolTable()
    return ToolTable(
        exclude=_texts(table, "exclude", name), before_build=_texts(table, "before-build", name)
    )


def _texts(table: dict[str, Any], key: str, name: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        msg = f'{name}: [tool.dagstead] {key} must be a list of texts: {key} = ["…"].'
        raise InvalidInputError(msg)
    return tuple(value)
