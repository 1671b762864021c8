"""Copies of SQLite files as they were at one moment, while others write to them."""

from __future__ import annotations

import fcntl
import json
import resource
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagstead.errors import BackupError
from dagstead.store.vault import CURRENT_KEY

#: How long the databases are waited for. A writer takes milliseconds.
_PATIENCE_SECONDS = 60.0
#: Others write again between two tries, in case one of them waits for another one of them.
_PAUSE_SECONDS = 0.2
_BUSY_SECONDS = 2.0


class _BusyError(BackupError):
    """A database stays locked by others. Try again when less is written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseGroup:
    """Files that are written together, and the lock under which their folder is made."""

    files: tuple[Path, ...]
    lock: Path | None = None


def copy_databases(
    main: Path,
    others: Callable[[], Iterable[DatabaseGroup]],
    target_of: Callable[[Path], Path],
) -> None:
    """Copy databases so that they fit each other, as after a crash at one moment.

    All of a group is locked for a moment, in which readers of all its files begin to read. The main
    database is locked until all groups have been through that, so that no group is ahead of it.
    Then everybody writes again, and the readers copy what they saw.

    Args:
        main: the database whose rows decide which others there are.
        others: lists them; called while the main one cannot change.
        target_of: where the copy of a file goes.

    Raises:
        BackupError: when a database is damaged, cannot be read, or stays locked.
    """
    _allow_many_files()
    with ExitStack() as stack:
        for file, reader in _at_one_moment(main, others, stack).items():
            _copy(file, reader, target_of(file))
            reader.close()


def revision_and_deployments(copy: Path) -> tuple[str, tuple[str, ...]]:
    """The newest migration and the names of the deployments, in a copy of the main database.

    Raises:
        BackupError: when it is not a control plane's database.
    """
    try:
        with closing(_open(copy)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            names = connection.execute("SELECT name FROM deployments ORDER BY id").fetchall()
    except (sqlite3.Error, TypeError) as error:
        msg = "The database is not one of a control plane: it lacks its tables."
        raise BackupError(msg) from error
    return revision, tuple(name for (name,) in names)


def master_key_of(copy: Path) -> str | None:
    """The id of the master key that what is encrypted needs, in a copy of the main database."""
    with closing(_open(copy)) as connection:
        found = connection.execute(
            "SELECT value FROM properties WHERE name = ?", (CURRENT_KEY,)
        ).fetchone()
    return None if found is None else str(json.loads(found[0])["id"])


def _allow_many_files() -> None:
    """A reader has three files open, and a control plane may have hundreds of deployments."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _at_one_moment(
    main: Path, others: Callable[[], Iterable[DatabaseGroup]], stack: ExitStack
) -> dict[Path, sqlite3.Connection]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        readers = ExitStack()
        try:
            found = _try_once(main, others, readers)
        except _BusyError:
            readers.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)  # noqa: TID251 - SQLite cannot ring
        except BaseException:
            readers.close()
            raise
        else:
            stack.push(readers)
            return found


def _try_once(
    main: Path, others: Callable[[], Iterable[DatabaseGroup]], readers: ExitStack
) -> dict[Path, sqlite3.Connection]:
    found = {}
    with _locked(main):
        found[main] = readers.enter_context(_reading(main))
        for group in others():
            with ExitStack() as locks:
                if group.lock is not None:
                    locks.enter_context(_locked_file(group.lock))
                for file in group.files:
                    locks.enter_context(_locked(file))
                for file in group.files:
                    found[file] = readers.enter_context(_reading(file))
    return found


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep every writer out of a database."""
    with _readable(file), closing(_open(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


@contextmanager
def _locked_file(path: Path) -> Iterator[None]:
    try:
        file = path.open("r+")
    except FileNotFoundError as error:
        msg = f"{str(path)!r} cannot be locked: it was removed."
        raise _BusyError(msg) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _BusyError from error
        yield


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that goes on seeing the database as it is now."""
    with closing(_open(file)) as connection:
        connection.execute("BEGIN")
        # Only now SQLite begins to read.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield connection


def _open(file: Path) -> sqlite3.Connection:
    # Otherwise it would make a file that is missing.
    address = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)


def _copy(file: Path, reader: sqlite3.Connection, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _readable(file), closing(sqlite3.connect(target)) as copy:
        reader.backup(copy)
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        msg = f"The database {str(file)!r} is damaged: {verdict}. Restore the last good backup."
        raise BackupError(msg)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Raise SQLite's errors as ours.

    Raises:
        BackupError: with SQLite's reason.
    """
    try:
        yield
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorcode", 0)
        is_busy = kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or not file.exists()
        raised = _BusyError if is_busy else BackupError
        msg = f"The database {str(file)!r} cannot be copied: {error}."
        raise raised(msg) from error
