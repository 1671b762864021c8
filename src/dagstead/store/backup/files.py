"""Copies of files that others add, replace and remove meanwhile, with their checksums."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from dagstead.errors import BackupError, InvalidInputError
from dagstead.store.backup.manifest import FileRecord

_CHUNK_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: By which a file that was replaced or has grown is known: its number, size and time of change.
_Look = tuple[int, int, int]


@dataclass(slots=True)
class FileCopies:
    """Copies trees of files into a backup, again and again; only what is new is read.

    A file that was removed meanwhile stays in the backup if it had been copied before.
    """

    source: Path
    #: The folder of the backup.
    backup: Path
    #: Where the copies are, in that folder.
    inside: str
    _looks: dict[Path, _Look] = field(default_factory=dict)
    _records: dict[str, FileRecord] = field(default_factory=dict)

    @property
    def records(self) -> list[FileRecord]:
        """What has been copied."""
        return list(self._records.values())

    def copy_tree(self, name: str, wanted: Callable[[PurePath], bool]) -> None:
        """Copy what is new or has changed in a folder of the source; it may be missing.

        Args:
            name: of the folder.
            wanted: which of its files, by their path in it.

        Raises:
            BackupError: when a file cannot be read, or the copy cannot be written.
        """
        folder = self.source / name
        for path in _files(folder):
            if wanted(path.relative_to(folder)):
                self.copy(path)

    def copy(self, path: Path) -> None:
        """Copy one file of the source, unless it is gone; see :meth:`copy_tree`."""
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                look = (found.st_ino, found.st_size, found.st_mtime_ns)
                if stat.S_ISREG(found.st_mode) and self._looks.get(path) != look:
                    name = f"{self.inside}/{path.relative_to(self.source).as_posix()}"
                    self._records[name] = _write(file, self.backup / name, name)
                    self._looks[path] = look
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(error, path) from error


def copy_file(path: Path, backup: Path, name: str) -> FileRecord:
    """Copy a file from elsewhere into a backup.

    Raises:
        BackupError: when it cannot be read, or the copy cannot be written.
    """
    try:
        return _copy(path, backup / name, name)
    except OSError as error:
        raise _failed(error, path) from error


def record_of(backup: Path, name: str) -> FileRecord:
    """The record of a file that is in the folder of a backup already."""
    with (backup / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileRecord(path=name, size=file.tell(), sha256=digest.hexdigest())


def restore_file(backup: Path, record: FileRecord, target: Path) -> None:
    """Copy a file out of a backup.

    Raises:
        InvalidInputError: when it is missing there, or is not what was backed up.
        BackupError: when the copy cannot be written.
    """
    _compare(backup, record, lambda: _copy(backup / record.path, target, record.path))


def verify_file(backup: Path, record: FileRecord) -> None:
    """Compare a file of a backup with its record; see :func:`restore_file`."""
    _compare(backup, record, lambda: record_of(backup, record.path))


def _compare(backup: Path, record: FileRecord, read: Callable[[], FileRecord]) -> None:
    try:
        found = read()
    except FileNotFoundError as error:
        raise _damaged(backup, record, "is missing") from error
    except OSError as error:
        raise _failed(error, backup / record.path) from error
    if found != record:
        raise _damaged(backup, record, "is not what was backed up")


def _damaged(backup: Path, record: FileRecord, what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The backup {str(backup)!r} is damaged: its file {record.path!r} {what}. Nothing was "
        "restored. Take another copy of the backup, or an older one."
    )


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            # Opening a pipe or a socket would wait, or fail.
            if path.is_file():
                yield path


def _copy(path: Path, target: Path, name: str) -> FileRecord:
    with path.open("rb") as file:
        return _write(file, target, name)


def _write(file: BinaryIO, target: Path, name: str) -> FileRecord:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as copy:
        while piece := file.read(_CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
            copy.write(piece)
    return FileRecord(path=name, size=size, sha256=digest.hexdigest())


def _failed(error: OSError, path: Path) -> BackupError:
    if error.errno in _FULL:
        return BackupError(
            f"The disk is full: the copy of {str(path)!r} does not fit. Nothing was changed. Free "
            "some space where the copies go, or choose another disk."
        )
    return BackupError(f"{str(error.filename or path)!r} cannot be copied: {error.strerror}.")
