"""The files of a folder that count for a build, and a digest over them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
_LEFT_OUT_ENDS = (".pyc", ".egg-info")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file, or a link, below a folder."""

    #: From the folder, with ``/``.
    name: str
    #: Where it is.
    whole: str
    #: Links stay links: their target may exist only where the code runs.
    is_link: bool

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.whole)


def files_below(folder: Path) -> Iterator[TreeFile]:
    """All files that count, sorted by name. Links to folders are files here."""
    found: list[TreeFile] = []
    outputs = Outputs.below(folder)
    pending = [("", os.fspath(folder))]
    while pending:
        prefix, whole = pending.pop()
        for each in _entries(whole):
            name = prefix + each.name
            if _is_left_out(each.name) or outputs.is_own(name):
                continue
            if each.is_dir(follow_symlinks=False):
                pending.append((f"{name}/", each.path))
            elif each.is_symlink() or each.is_file():
                found.append(TreeFile(name, each.path, each.is_symlink()))
    return iter(sorted(found, key=lambda each: each.name))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        # What may not be read is not built either.
        return []


def tree_digest(folder: Path) -> str:
    """SHA-256 over names, contents, links and whether files may be executed."""
    digest = hashlib.sha256()
    for each in files_below(folder):
        digest.update(f"{each.name}\0{_described(each)}\n".encode())
    return digest.hexdigest()


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:  # noqa: PTH123 - thousands
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
    return name in _LEFT_OUT or name.endswith(_LEFT_OUT_ENDS)


def _described(file: TreeFile) -> str:
    if file.is_link:
        return f"link {file.path.readlink()}"
    kind = "program" if os.access(file.whole, os.X_OK) else "file"
    return f"{kind} {file_digest(file.whole)}"
