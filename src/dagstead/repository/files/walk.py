"""Which files of a folder are looked at: what git ignores, and what tools install, is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.repository.files.families import is_interesting, is_workflow
from dagstead.repository.files.outputs import Outputs, is_own_name

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

#: Never a place for configuration, whether git ignores it or not.
_LEFT_OUT = frozenset(
    {
        ".git",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "site-packages",
        "venv",
    }
)
#: Of a Helm chart: what is in there is no YAML before Helm has rendered it.
_CHART_FOLDERS = frozenset({"templates"})


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    #: Relative to the root, empty or ending in ``/``.
    prefix: str
    #: The ``.gitignore`` files above, outermost first, each with the prefix that it is about.
    ignores: tuple[tuple[str, GitIgnoreSpec], ...]


def interesting_files(root: Path) -> Iterator[str]:
    """Paths below ``root`` of files that may say something, relative and with ``/``, sorted.

    Links to folders are not followed.
    """
    pending = [_Folder(str(root), "", _ignores_above(root))]
    found: list[str] = []
    outputs = Outputs.below(root)
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder.path))
        except OSError:
            # A folder that may not be read has nothing to say; the files beside it do.
            continue
        names = {entry.name for entry in entries}
        if ".gitignore" in names:
            folder = _with_ignores(folder)
        left_out = _LEFT_OUT | _CHART_FOLDERS if "Chart.yaml" in names else _LEFT_OUT
        for entry in entries:
            path = folder.prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                left = entry.name in left_out or outputs.is_own(path)
                if not left and not _is_ignored(folder, path + "/"):
                    pending.append(_Folder(entry.path, path + "/", folder.ignores))
            elif _is_wanted(folder, entry.name, path):
                found.append(path)
    return iter(sorted(found))


def is_looked_at(path: str) -> bool:
    """Whether a path below the root may say something, whatever git ignores."""
    *folders, name = path.split("/")
    if not _LEFT_OUT.isdisjoint(folders) or any(is_own_name(each) for each in folders):
        return False
    return is_interesting(name) or is_workflow(path)


def repository_of(path: Path) -> Path | None:
    """The nearest folder at or above ``path`` that git keeps, ``None`` where there is none."""
    for folder in (path, *path.parents):
        if (folder / ".git").exists():
            return folder
    return None


def _is_wanted(folder: _Folder, name: str, path: str) -> bool:
    if not (is_interesting(name) or is_workflow(path)):
        return False
    return not _is_ignored(folder, path)


def _ignores_above(root: Path) -> tuple[tuple[str, GitIgnoreSpec], ...]:
    """What ``.gitignore`` of the repository says when ``root`` is a folder inside it."""
    repository = repository_of(root)
    if repository is None or repository == root:
        return ()
    spec = _read_ignores(repository / ".gitignore")
    # Paths are compared from the repository on: a prefix that steps up from the root.
    return () if spec is None else (("\0" + root.relative_to(repository).as_posix(), spec),)


def _with_ignores(folder: _Folder) -> _Folder:
    spec = _read_ignores(Path(folder.path) / ".gitignore")
    if spec is None:
        return folder
    return _Folder(folder.path, folder.prefix, (*folder.ignores, (folder.prefix, spec)))


def _read_ignores(path: Path) -> GitIgnoreSpec | None:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to import, and often not needed

    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return GitIgnoreSpec.from_lines(lines)
    except (OSError, ValueError):
        return None


def _is_ignored(folder: _Folder, path: str) -> bool:
    for prefix, spec in reversed(folder.ignores):
        below = f"{prefix[1:]}/{path}" if prefix[:1] == "\0" else path.removeprefix(prefix)
        verdict = spec.check_file(below).include
        if verdict is not None:
            return verdict
    return False
