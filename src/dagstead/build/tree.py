"""The files of a folder that count for a build, and a digest over them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from dagstead.repository.files.outputs import Outputs

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
#: The second is what setuptools leaves where it has looked.
_LEFT_OUT_PATTERNS = ("*.pyc", "*.egg-info")
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
    outputs = Outputs.below(folder)
    for parent, folders, names in os.walk(folder):
        inside = Path(parent).relative_to(folder)
        kept = [
            each
            for each in folders
            if not _is_left_out(each) and not outputs.is_own((inside / each).as_posix())
        ]
        links = [each for each in kept if Path(parent, each).is_symlink()]
        folders[:] = [each for each in kept if each not in links]
        for name in (*names, *links):
            file = TreeFile((inside / name).as_posix(), Path(parent, name))
            if _is_left_out(name) or outputs.is_own(file.name):
                continue
            if file.is_link or file.path.is_file():
                found.append(file)
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


@contextmanager
def tidied(package: Path) -> Iterator[None]:
    """Take away what setuptools leaves in a folder meanwhile: its next build would use it."""
    before = _leftovers(package)
    try:
        yield
    finally:
        for folder in _leftovers(package) - before:
            shutil.rmtree(folder, ignore_errors=True)


def _leftovers(package: Path) -> set[Path]:
    patterns = ("build", "*.egg-info", "*/*.egg-info")
    return {path for pattern in patterns for path in package.glob(pattern)}


def _is_left_out(name: str) -> bool:
    return name in _LEFT_OUT or any(fnmatch(name, each) for each in _LEFT_OUT_PATTERNS)


def _described(file: TreeFile) -> str:
    if file.is_link:
        return f"link {file.path.readlink()}"
    kind = "program" if os.access(file.path, os.X_OK) else "file"
    return f"{kind} {file_digest(file.path)}"
