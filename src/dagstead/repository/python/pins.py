"""``.python-version``: the Python that people use in a folder and below."""

from __future__ import annotations

import re
from pathlib import Path

#: What ``dagster_cloud_cli`` builds PEX files for, and the agents of today run.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")

_NAME = ".python-version"
_VERSION = re.compile(r"(?:cpython[-@]?|python)?(?P<version>3\.\d{1,2})(?:\.\d+)?(?![\w.])")


class PythonPins:
    """Finds the pins of folders. Every file is read once."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._pinned: dict[Path, str | None] = {}

    def nearest(self, folder: Path, root: Path) -> str | None:
        """The version, as ``3.12``, of a folder or the nearest one above it, up to a root."""
        for parent in (folder, *folder.parents):
            if parent not in self._pinned:
                self._pinned[parent] = _pinned(parent / _NAME)
            if self._pinned[parent] is not None or parent == root:
                return self._pinned[parent]
        return None


def _pinned(file: Path) -> str | None:
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    found = _VERSION.match(lines[0]) if lines else None
    return found["version"] if found else None
