"""``dagstead backup``: a folder with everything that a control plane stores, made while it runs.

The order makes it whole. Files are added before the rows that name them, and removed after them:
they are copied first, then the databases as they are at one moment, then the files that have come
meanwhile. So every file that a row of the copy names is in it, even if it was removed during the
backup (unless it was added during the backup, too: nothing is kept that briefly). And all databases
fit each other as after a power cut at that moment, from which a control plane recovers by itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from dagstead.errors import BackupError, ConfigurationError, ConflictError
from dagstead.plane.clock import Clock
from dagstead.server.kept_data import DATABASE_FILE, KEPT, databases_of_deployments
from dagstead.server.settings_file import FILE_NAME
from dagstead.server.settings_sources import LoadedSettings
from dagstead.store.backup.files import FileCopies, copy_file, record_of
from dagstead.store.backup.manifest import DatabaseKind, FileRecord, Manifest
from dagstead.store.backup.postgres import dump_database
from dagstead.store.backup.sqlite import copy_databases, master_key_of, revision_and_deployments
from dagstead.store.database import sqlite_file

#: In a backup: what is to be in the data folder, and the dump of a Postgres database.
DATA = "data"
DUMP = "postgres.dump"


def take_backup(loaded: LoadedSettings, folder: Path, clock: Clock) -> Manifest:
    """Back up a control plane, which may be running.

    Args:
        loaded: its settings, and the file they were read from.
        folder: to be made; it appears when the backup is whole.
        clock: dates the backup.

    Raises:
        ConfigurationError: when there is no control plane, or the folder lies in its data.
        ConflictError: when the folder is there already.
        BackupError: when something cannot be read or written.
        DatabaseUnusableError: when Postgres does not answer.
    """
    data, created_at = loaded.settings.data, clock()
    _require_free(folder, data)
    _require_control_plane(loaded)
    with _appearing(folder) as backup:
        files = FileCopies(source=data, backup=backup, inside=DATA)
        _copy_files(files)
        databases = _copy_database(loaded, backup)
        _copy_files(files)
        records = [*files.records, *databases.records]
        if loaded.file:
            records.append(copy_file(loaded.file, backup, f"{DATA}/{FILE_NAME}"))
        manifest = Manifest(
            created_at=created_at,
            versions={name: version(name) for name in ("dagstead", "dagster")},
            database=databases.kind,
            revision=databases.revision,
            deployments=databases.deployments,
            files=tuple(sorted(records, key=lambda record: record.path)),
            master_key=databases.master_key,
        )
        manifest.write(backup)
    return manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class _Databases:
    kind: DatabaseKind
    revision: str
    deployments: tuple[str, ...]
    records: tuple[FileRecord, ...]
    master_key: str | None


def _copy_files(files: FileCopies) -> None:
    for name, wanted in KEPT.items():
        files.copy_tree(name, wanted)


def _copy_database(loaded: LoadedSettings, backup: Path) -> _Databases:
    settings = loaded.settings
    if settings.postgres_url:
        facts = dump_database(settings.postgres_url, backup / DUMP)
        return _Databases(
            kind=DatabaseKind.POSTGRES,
            revision=facts.revision,
            deployments=facts.deployments,
            records=(record_of(backup, DUMP),),
            master_key=facts.master_key,
        )
    data, main = settings.data, _database_file(loaded)
    copies: list[str] = []

    def target(file: Path) -> Path:
        inside = DATABASE_FILE if file == main else file.relative_to(data).as_posix()
        copies.append(f"{DATA}/{inside}")
        return backup / copies[-1]

    copy_databases(main, lambda: databases_of_deployments(data), target)
    revision, deployments = revision_and_deployments(backup / DATA / DATABASE_FILE)
    return _Databases(
        kind=DatabaseKind.SQLITE,
        revision=revision,
        deployments=deployments,
        records=tuple(record_of(backup, name) for name in copies),
        master_key=master_key_of(backup / DATA / DATABASE_FILE),
    )


def _database_file(loaded: LoadedSettings) -> Path:
    return sqlite_file(loaded.settings.database_url) or loaded.settings.data / DATABASE_FILE


def _require_control_plane(loaded: LoadedSettings) -> None:
    settings = loaded.settings
    missing = not settings.postgres_url and not _database_file(loaded).is_file()
    if missing or not settings.data.is_dir():
        msg = (
            f"There is no control plane in {str(settings.data)!r}. Name its folder with --data or "
            "DAGSTEAD_DATA. If it uses Postgres, also name its database, with --database or "
            "DAGSTEAD_DATABASE."
        )
        raise ConfigurationError(msg)


def _require_free(folder: Path, data: Path) -> None:
    if folder.is_relative_to(data):
        msg = (
            f"{str(folder)!r} lies in the data folder that is to be backed up. Choose a folder "
            "elsewhere, best on another disk."
        )
        raise ConfigurationError(msg)
    if folder.exists():
        msg = f"{str(folder)!r} exists already. Name a folder that does not."
        raise ConflictError(msg)


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A new folder, for this user only, that gets its name at the end."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    except OSError as error:
        msg = f"The folder {str(folder)!r} cannot be made: {error.strerror}. Choose another one."
        raise ConfigurationError(msg) from error
    try:
        yield partial
        # A power cut must not leave its name without its content.
        os.sync()
        partial.rename(folder)
    except OSError as error:
        msg = f"The backup {str(folder)!r} cannot be written: {error.strerror}."
        raise BackupError(msg) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
