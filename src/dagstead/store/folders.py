"""Removes files and folders that others may come to need at the same moment.

Whoever comes to need something renews its time first. It is removed in two steps: it gets another
name, under which nobody finds it, and then goes only if it was not renewed until then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Of what is being removed. No key of a file begins with a dot.
_PREFIX = ".removing-"


def renew(path: Path, now: float) -> bool:
    """Set the time at which a file was last needed; whether there is such a file."""
    try:
        os.utime(path, (now, now))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # A disk that is read-only, from which nothing is removed either.
        return path.exists()
    return True


def remove_older(path: Path, *, before: float) -> bool:
    """Remove a file, or a folder with all in it, that has not changed after ``before``.

    Returns:
        Whether it was removed.
    """
    doomed = path.with_name(f"{_PREFIX}{path.name}")
    try:
        path.rename(doomed)
    except OSError:
        # It is gone, or an earlier try has left a folder.
        return False
    try:
        if changed_at(doomed) > before:
            _restore(doomed)
            return False
    except FileNotFoundError:
        # Another sweep has begun meanwhile, and put it back.
        return False
    remove(doomed)
    return True


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it; nothing happens when it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def put_back(folder: Path) -> None:
    """Give back its name to what a process that was killed was about to remove, at any depth."""
    for path in _paths_in(folder):
        if path.name.startswith(_PREFIX):
            _restore(path)


def changed_at(path: Path) -> float:
    """When a file, or anything in a folder, was last changed, in seconds since 1970."""
    latest = path.stat().st_mtime
    for inside in _paths_in(path):
        with suppress(FileNotFoundError):
            latest = max(latest, inside.stat().st_mtime)
    return latest


def size_of(path: Path) -> int:
    """The bytes of all files in a folder."""
    total = 0
    for file in files_in(path):
        with suppress(FileNotFoundError):
            total += file.stat().st_size
    return total


def files_in(folder: Path) -> Iterator[Path]:
    """All files in a folder, at any depth; none when it does not exist."""
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if not name.startswith(_PREFIX):
                yield Path(parent, name)


def _paths_in(folder: Path) -> Iterator[Path]:
    # Unlike `Path.rglob`, it goes on when something is removed meanwhile.
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            yield Path(parent, name)


def folders_in(folder: Path) -> list[Path]:
    """The folders that a folder has, by name; none when it does not exist."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_empty_folders(folder: Path) -> None:
    """Remove a folder and those in it, as far as they hold no file."""
    for parent, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):
            Path(parent).rmdir()


def _restore(doomed: Path) -> None:
    path = doomed.with_name(doomed.name.removeprefix(_PREFIX))
    if path.exists():
        # Stored anew meanwhile.
        remove(doomed)
    else:
        with suppress(FileNotFoundError):
            # Two sweeps may do this at once.
            doomed.rename(path)
