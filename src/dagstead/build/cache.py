"""The folder that later builds use again: packed wheels, PEX files of dependencies, unpacked ones.

All of it can be made again. What is in it is whole: files come by renaming, folders have a marker.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dagstead.repository.files.outputs import CACHE_FOLDERS, draft_of, mark_cache


class BuildCache:
    """The folders. Safe to use from several threads and processes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        for name in CACHE_FOLDERS:
            (root / name).mkdir(parents=True, exist_ok=True)
        mark_cache(root)

    @property
    def wheels(self) -> Path:
        """Packed wheels, in folders that keep apart those of one name."""
        return self._root / "wheels"

    @property
    def pex(self) -> Path:
        """PEX files of dependencies, by their own names."""
        return self._root / "pex"

    @property
    def layers(self) -> Path:
        """Unpacked PEX files of dependencies."""
        return self._root / "layers"

    @property
    def interpreters(self) -> Path:
        """What the PEX tool has found out about the Pythons of this machine."""
        return self._tools / "interpreters"

    @property
    def _tools(self) -> Path:
        return self._root / "tools"

    @property
    def _keys(self) -> Path:
        return self._root / "keys"

    @property
    def _locks(self) -> Path:
        return self._root / "locks"

    @property
    def _scratch(self) -> Path:
        return self._root / "scratch"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold a key against every other thread and process; waits for it."""
        # Two digits: 256 files at most.
        name = hashlib.sha256(key.encode()).hexdigest()[:2]
        with (self._locks / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def dependencies(self, key: str) -> Path | None:
        """The PEX file of a resolved set, ``None`` where there is none yet."""
        try:
            path = self.pex / (self._keys / key).read_text(encoding="utf-8")
            touch(self._keys / key, path)
        except FileNotFoundError:
            return None
        return path

    def sweep(self, *, before: float) -> None:
        """Remove what has not been used since ``before``, in seconds since 1970."""
        for folder in self._swept():
            for each in folder.iterdir():
                with suppress(FileNotFoundError):
                    if each.stat().st_mtime < before:
                        _remove(each)

    def _swept(self) -> tuple[Path, ...]:
        return (self.wheels, self.pex, self.layers, self._tools, self._keys, self._scratch)

    def keep_dependencies(self, key: str, path: Path) -> None:
        """Remember the PEX file of a resolved set; it is in :attr:`pex`."""
        write_whole(self._keys / key, path.name)


def touch(*paths: Path) -> None:
    """Say that these are in use.

    Raises:
        FileNotFoundError: when one is not there.
    """
    for path in paths:
        os.utime(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    draft = draft_of(path)
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def link_or_copy(path: Path, target: Path) -> None:
    """Let a new name lead to a file, or to a copy of it."""
    try:
        target.hardlink_to(path)
    except OSError:
        # Another disk, or one without such links.
        shutil.copy2(path, target)


def place(path: Path, folder: Path) -> Path:
    """Put a file of the cache into a folder too, whole or not at all."""
    target = folder / path.name
    draft = draft_of(target)
    try:
        link_or_copy(path, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target
