"""The files of a folder on disk, for planning."""

from __future__ import annotations

from pathlib import Path


class DiskTree:
    """Reads below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, ``None`` where there is none."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        return (self._root / path).is_dir()
