"""The files of a folder that count for a build, and a digest over them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

#: Left out of PEX files, and of what makes a build another one. The list of the official builder
#: (``dagster_cloud_cli.core.pex_builder.source``), and tools that came later. What git ignores is
#: not left out: a dbt manifest that CI makes is ignored by git, and needed.
_LEFT_OUT = frozenset(
    {
        ".cache",
        ".git",
        ".hg",
        ".hypothesis",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        "__pycache__",
    }
)
_LEFT_OUT_FILES = ("*.pyc",)
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file, or a link, below a folder."""

    #: From the folder, with ``/``.
    name: str
    path: Path

    @property
    def is_link(self) -> bool:
        """Links stay links: their target may exist only where the code runs."""
        return self.path.is_symlink()


def files_below(folder: Path) -> Iterator[TreeFile]:
    """All files that count, sorted by name. Links to folders are files here."""
    found: list[TreeFile] = []
    for parent, folders, names in os.walk(folder):
        kept = [each for each in folders if each not in _LEFT_OUT]
        links = [each for each in kept if Path(parent, each).is_symlink()]
        folders[:] = [each for each in kept if each not in links]
        for name in (*names, *links):
            if name in _LEFT_OUT or any(fnmatch(name, each) for each in _LEFT_OUT_FILES):
                continue
            path = Path(parent, name)
            if path.is_symlink() or path.is_file():
                found.append(TreeFile(path.relative_to(folder).as_posix(), path))
    return iter(sorted(found, key=lambda each: each.name))


def tree_digest(folder: Path) -> str:
    """SHA-256 over names, contents, links and whether files may be executed."""
    digest = hashlib.sha256()
    for each in files_below(folder):
        digest.update(f"{each.name}\0{_described(each)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _described(file: TreeFile) -> str:
    if file.is_link:
        return f"link {file.path.readlink()}"
    kind = "program" if os.access(file.path, os.X_OK) else "file"
    return f"{kind} {file_digest(file.path)}"
