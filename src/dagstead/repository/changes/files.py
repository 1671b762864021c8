"""The files of a repository: those on disk, or those of a commit."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dagstead.repository.changes.git import LINK, SUBMODULE, Git
from dagstead.repository.files.outputs import Outputs

_COMPONENTS = ("/defs.yaml", "/component.yaml")

#: Larger files say nothing about dependencies.
_MOST_BYTES = 20_000_000


class Files(Protocol):
    """Paths are relative to the top of the repository, with ``/``; ``.`` is the top."""

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there is no file."""

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no folder."""

    def is_file(self, path: str) -> bool:
        """Whether a file is there."""

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""

    @property
    def links(self) -> Mapping[str, str]:
        """The target of every symbolic link that git keeps, as it is written."""

    @property
    def components(self) -> Sequence[str]:
        """The files of dg's components that git keeps."""


class FilesOnDisk:
    """The work tree.

    Args:
        top: its folder.
        git: says which files are links or dg's components; without it a link is a file like any
            other.
    """

    def __init__(self, top: Path, git: Git | None = None) -> None:
        self._top = str(top)
        outputs = Outputs(self.read)
        kept = git.indexed(_COMPONENTS) if git else ()
        entries = tuple(each for each in kept if not outputs.has(each.path))
        self.components: Sequence[str] = _components(each.path for each in entries)
        self.links: Mapping[str, str] = {
            each.path: target
            for each in entries
            if each.mode == LINK and (target := self._link(each.path)) is not None
        }

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there is no file."""
        try:
            with open(f"{self._top}/{path}", "rb") as stream:  # noqa: PTH123 - thousands
                found = os.fstat(stream.fileno())
                if not stat.S_ISREG(found.st_mode):
                    return None
                # Python makes room for all that it is asked to read.
                return stream.read(min(found.st_size, _MOST_BYTES))
        except (OSError, ValueError):
            return None

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no folder."""
        try:
            return sorted(os.listdir(f"{self._top}/{folder}"))  # noqa: PTH208 - thousands
        except (OSError, ValueError):
            return ()

    def is_file(self, path: str) -> bool:
        """Whether a file is there."""
        return os.path.isfile(f"{self._top}/{path}")  # noqa: PTH113 - thousands

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return os.path.exists(f"{self._top}/{path}")  # noqa: PTH110 - thousands

    def _link(self, path: str) -> str | None:
        try:
            return os.readlink(f"{self._top}/{path}")  # noqa: PTH115 - the text, not a path
        except OSError:
            return None


class FilesOfCommit:
    """What a commit holds."""

    def __init__(self, git: Git, tree: str) -> None:
        self._git = git
        self._entries = {each.path: each for each in git.kept(tree)}
        self._read: dict[str, bytes | None] = {}
        self._below: dict[str, set[str]] = defaultdict(set)
        for path in self._entries:
            folder, _, name = path.rpartition("/")
            while name not in self._below[folder or "."]:
                self._below[folder or "."].add(name)
                if not folder:
                    break
                folder, _, name = folder.rpartition("/")
        outputs = Outputs(self.read)
        self.components: Sequence[str] = [
            each for each in _components(self._entries) if not outputs.has(each)
        ]
        links = [
            each
            for each in self._entries.values()
            if each.mode == LINK and not outputs.has(each.path)
        ]
        contents = git.contents(each.sha for each in links)
        self.links: Mapping[str, str] = {
            each.path: os.fsdecode(contents[each.sha]) for each in links if each.sha in contents
        }

    @property
    def paths(self) -> Iterable[str]:
        """Every file."""
        return self._entries.keys()

    def preload(self, paths: Iterable[str]) -> None:
        """Read many files in one go."""
        entries = {path: self._entries[path] for path in paths if self.is_file(path)}
        contents = self._git.contents(each.sha for each in entries.values())
        for path, entry in entries.items():
            self._read[path] = contents.get(entry.sha)

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there is no file."""
        if path not in self._read:
            self._read[path] = None
            self.preload([path])
        return self._read[path]

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no folder."""
        return sorted(self._below.get(folder, ()))

    def is_file(self, path: str) -> bool:
        """Whether a file is there."""
        entry = self._entries.get(path)
        return entry is not None and entry.mode not in {LINK, SUBMODULE}

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return path in self._entries or path in self._below


def _components(paths: Iterable[str]) -> Sequence[str]:
    return [each for each in paths if each.endswith(_COMPONENTS)]
