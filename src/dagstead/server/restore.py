"""``dagstead restore``: a control plane in an empty folder and database, from a backup."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import tomlkit

from dagstead.errors import (
    BackupError,
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    MasterKeyError,
)
from dagstead.plane.clock import Clock
from dagstead.plane.pauses import Pause
from dagstead.server.backup import DATA, DUMP
from dagstead.server.kept_data import DATABASE_FILE, RUN_WORKERS
from dagstead.server.master_key import key_source
from dagstead.server.services import make_data_folder
from dagstead.server.settings import Settings
from dagstead.server.settings_file import FILE_NAME
from dagstead.server.settings_sources import LoadedSettings
from dagstead.serverless.run_records import disown
from dagstead.store.backup.copies import make_copy
from dagstead.store.backup.files import restore_file, verify_file
from dagstead.store.backup.manifest import DatabaseKind, Manifest, read_manifest
from dagstead.store.backup.postgres import require_empty, restore_database
from dagstead.store.database import newest_revision

#: Files are gathered here first, on the disk where they stay.
_STAGE = ".restore"
#: A file system of its own has it at its top.
_NOT_OURS = frozenset({"lost+found"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreReport:
    """What was restored."""

    manifest: Manifest
    #: Settings that the restored file has for the original: addresses that only one can use.
    settings: tuple[str, ...]
    #: The id of the master key that the copy needs before it can start, and does not have.
    missing_key: str | None


def restore_backup(loaded: LoadedSettings, backup: Path, clock: Clock) -> RestoreReport:
    """Restore a backup; all of it, or nothing. The copy is paused.

    Args:
        loaded: settings that name the target: its data folder, and its database if it is Postgres.
        backup: the folder of the backup, which is only read.
        clock: dates the pause.

    Raises:
        InvalidInputError: when the backup is damaged, or was made by a newer version.
        ConflictError: when there is something in the target.
        ConfigurationError: when the target is of another kind, or cannot be written to.
        BackupError: when something else cannot be read or written.
        DatabaseUnusableError: when Postgres does not answer.
    """
    settings = loaded.settings
    manifest = read_manifest(backup)
    _require_known_revision(backup, manifest)
    _require_fitting(manifest, settings)
    _require_empty_folder(settings.data)
    if settings.postgres_url:
        require_empty(settings.postgres_url)
    make_data_folder(settings.data)
    with _staged(settings.data) as stage:
        for record in manifest.files:
            if record.path.startswith(f"{DATA}/"):
                restore_file(backup, record, stage / record.path.removeprefix(f"{DATA}/"))
            else:
                verify_file(backup, record)
        disown(stage / RUN_WORKERS)
        changed = _adapt_settings(stage / FILE_NAME, loaded)
        pause = Pause(since=clock(), reason=_why_paused(manifest))
        if settings.postgres_url:
            restore_database(settings.postgres_url, backup / DUMP)
            make_copy(settings.postgres_url, pause)
        else:
            make_copy(f"sqlite:///{stage / DATABASE_FILE}", pause)
    return RestoreReport(
        manifest=manifest, settings=changed, missing_key=_missing_key(manifest, settings)
    )


def _missing_key(manifest: Manifest, settings: Settings) -> str | None:
    needed = manifest.master_key
    try:
        known = {key.id for key in key_source(settings, os.environ).read()}
    except MasterKeyError:
        return needed
    return None if needed in known else needed


def _why_paused(manifest: Manifest) -> str:
    taken = datetime.fromtimestamp(manifest.created_at, UTC)
    return f"It was restored from a backup of {taken:%Y-%m-%d %H:%M} UTC."


def _require_known_revision(backup: Path, manifest: Manifest) -> None:
    if manifest.revision > newest_revision():
        msg = (
            f"The backup {str(backup)!r} was made by a newer Dagstead "
            f"({manifest.versions['dagstead']}, tables of version {manifest.revision}; this one "
            f"knows versions up to {newest_revision()}). Install that version, then restore."
        )
        raise InvalidInputError(msg)


def _require_fitting(manifest: Manifest, settings: Settings) -> None:
    if manifest.database is DatabaseKind.POSTGRES and settings.postgres_url is None:
        msg = (
            "The backup is of a control plane with Postgres. Name an empty database with "
            "--database or DAGSTEAD_DATABASE."
        )
        raise ConfigurationError(msg)
    if manifest.database is DatabaseKind.SQLITE and settings.database is not None:
        msg = (
            "The backup is of a control plane with SQLite, which is restored into the data folder "
            "and not into another database. Leave out --database and DAGSTEAD_DATABASE."
        )
        raise ConfigurationError(msg)


def _require_empty_folder(data: Path) -> None:
    if data.exists() and not data.is_dir():
        msg = f"{str(data)!r} is a file. Name a folder with --data."
        raise ConfigurationError(msg)
    found = sorted({each.name for each in data.iterdir()} - _NOT_OURS) if data.is_dir() else []
    if found:
        msg = (
            f"The folder {str(data)!r} is not empty: it has {found[0]!r}. Nothing was restored. "
            "Name another one with --data."
        )
        raise ConflictError(msg)


@contextmanager
def _staged(data: Path) -> Iterator[Path]:
    """A folder whose content moves to the data folder at the end, the database last."""
    stage = data / _STAGE
    try:
        stage.mkdir(mode=0o700)
        yield stage
        for each in sorted(stage.iterdir(), key=lambda path: path.name == DATABASE_FILE):
            each.rename(data / each.name)
    except OSError as error:
        msg = f"The folder {str(data)!r} cannot be written to: {error.strerror}."
        raise BackupError(msg) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _adapt_settings(file: Path, loaded: LoadedSettings) -> tuple[str, ...]:
    """Have a restored settings file name the target, not the original.

    Returns:
        The addresses in it, as they would be written.
    """
    if not file.exists():
        return ()
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    # The file may have been elsewhere. In a data folder it cannot name another one.
    document.pop("data", None)
    if "database" in document and loaded.settings.postgres_url:
        document["database"] = loaded.settings.postgres_url
    else:
        document.pop("database", None)
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
    addresses = ("public_url", "host", "port")
    return tuple(f"{name} = {document[name]!r}" for name in addresses if name in document)
