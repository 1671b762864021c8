"""Which files of a folder are looked at: what git ignores, and what tools install, is left out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.repository.files.families import (
    PROGRAM_TOOLS,
    is_interesting,
    is_pipeline,
    is_program,
    is_workflow,
    may_install,
    names_agent,
)
from dagstead.repository.files.git import tracked_though_ignored
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
#: Of other tools' files, in bytes; what is longer than so many is made by programs.
_CHUNK = 32_768
_MOST_CHUNKS = 16
#: Of a Helm chart: what is in there is no YAML before Helm has rendered it.
_CHART_FOLDERS = frozenset({"templates"})


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str
    #: Relative to the root, empty or ending in ``/``.
    prefix: str
    #: The ``.gitignore`` files above, outermost first, each with the prefix that it is about.
    ignores: tuple[tuple[str, GitIgnoreSpec], ...]
    #: Whether the programs in it describe infrastructure.
    has_programs: bool = False


def interesting_files(root: Path) -> Iterator[str]:
    """Paths below ``root`` of files that may say something, relative and with ``/``, sorted.

    What git keeps counts, whether it is ignored or not. Links to folders are not followed.
    """
    top = _Folder(str(root), "", _ignores_above(root))
    walk = _Walk(outputs=Outputs.below(root), pending=[top])
    while walk.pending:
        walk.look_into(walk.pending.pop())
    if walk.has_ignored and repository_of(root) is not None:
        kept = tracked_though_ignored(root)
        walk.found |= {each for each in kept if walk.may_count(each, str(root / each))}
    return iter(sorted(walk.found))


@dataclass(kw_only=True, slots=True)
class _Walk:
    outputs: Outputs
    pending: list[_Folder]
    found: set[str] = field(default_factory=set)
    #: Whether something was passed over that git may keep all the same.
    has_ignored: bool = False

    def look_into(self, folder: _Folder) -> None:
        """Take the files of a folder, and note the folders in it."""
        try:
            entries = list(os.scandir(folder.path))
        except OSError:
            # A folder that may not be read has nothing to say; the files beside it do.
            return
        names = {entry.name for entry in entries}
        if ".gitignore" in names:
            folder = _with_ignores(folder)
        if not PROGRAM_TOOLS.isdisjoint(names):
            folder = replace(folder, has_programs=True)
        left_out = _LEFT_OUT | _CHART_FOLDERS if "Chart.yaml" in names else _LEFT_OUT
        for entry in entries:
            path = folder.prefix + entry.name
            if not entry.is_dir(follow_symlinks=False):
                self._add_file(folder, entry, path)
            elif entry.name not in left_out and not self.outputs.is_own(path):
                self._add_folder(folder, entry.path, path + "/")

    def may_count(self, path: str, whole: str) -> bool:
        """Whether a path that git keeps may say something."""
        if _is_left_out(path) or self.outputs.has(path):
            return False
        return _is_wanted(posixpath.basename(path), whole, path)

    def _add_file(self, folder: _Folder, entry: os.DirEntry[str], path: str) -> None:
        is_program_of_tool = folder.has_programs and is_program(entry.name)
        if not (
            _names_agent(entry.path)
            if is_program_of_tool
            else _is_wanted(entry.name, entry.path, path)
        ):
            return
        if _is_ignored(folder, path):
            self.has_ignored = True
        else:
            self.found.add(path)

    def _add_folder(self, folder: _Folder, whole: str, path: str) -> None:
        if _is_ignored(folder, path):
            self.has_ignored = True
        else:
            self.pending.append(replace(folder, path=whole, prefix=path))


def is_looked_at(path: str) -> bool:
    """Whether a path below the root may say something, whatever git ignores."""
    return not _is_left_out(path) and (
        is_interesting(posixpath.basename(path)) or is_workflow(path) or is_pipeline(path)
    )


def _is_left_out(path: str) -> bool:
    folders = path.split("/")[:-1]
    return not _LEFT_OUT.isdisjoint(folders) or any(is_own_name(each) for each in folders)


def repository_of(path: Path) -> Path | None:
    """The nearest folder at or above ``path`` that git keeps, ``None`` where there is none."""
    for folder in (path, *path.parents):
        if (folder / ".git").exists():
            return folder
    return None


def _is_wanted(name: str, whole: str, path: str) -> bool:
    return is_interesting(name) or is_workflow(path) or is_pipeline(path) or _installs(name, whole)


def _installs(name: str, whole: str) -> bool:
    """Whether another tool's file has a word of an agent that it installs."""
    return may_install(name) and _names_agent(whole)


def _names_agent(whole: str) -> bool:
    try:
        # A third of the time that a stream takes: there may be thousands.
        descriptor = os.open(whole, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return names_agent(_read(descriptor))
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    data = os.read(descriptor, _CHUNK)
    if len(data) < _CHUNK:
        return data
    parts = [data]
    while data and len(parts) < _MOST_CHUNKS:
        data = os.read(descriptor, _CHUNK)
        parts.append(data)
    return b"".join(parts)


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
