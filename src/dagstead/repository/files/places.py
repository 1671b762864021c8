"""Places in files, for people and for programs, behind the prefix of a project."""

from __future__ import annotations

import posixpath
from typing import Any

from dagstead.model.source import Position


def place(prefix: str, position: Position) -> dict[str, Any]:
    """A place for programs."""
    return {
        "file": file_of(prefix, position),
        "line": position.line,
        "column": position.column,
        "end_line": position.end_line,
        "end_column": position.end_column,
    }


def file_of(prefix: str, position: Position) -> str:
    """The file of a place, as it is found behind the prefix."""
    # A workflow stands above a project that is a folder of its repository.
    return posixpath.normpath(prefix + position.file)


def shown(prefix: str, position: Position) -> str:
    """A place for people."""
    return f"{file_of(prefix, position)}:{position.line}:{position.column}"
