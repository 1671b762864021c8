"""What a backup says about itself: versions, the database, and a checksum per file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from dagstead.errors import InvalidInputError

#: Raised when an older Dagstead could not restore a new backup.
FORMAT = 1
MANIFEST = "manifest.json"

_CHECKSUM = "sha256_of_the_rest"


class DatabaseKind(StrEnum):
    """Where the control plane keeps its tables."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileRecord:
    """One file of a backup."""

    #: From the folder of the backup, with slashes.
    path: str
    #: In bytes.
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The facts about a backup, and its files."""

    #: Seconds since 1970, when it was begun.
    created_at: float
    #: By program: of Dagstead and of Dagster.
    versions: Mapping[str, str]
    database: DatabaseKind
    #: The newest migration of the control plane's tables.
    revision: str
    #: Names of the deployments.
    deployments: tuple[str, ...]
    files: tuple[FileRecord, ...]
    #: The id of the master key without which its secrets cannot be read. It is not in the backup.
    master_key: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def write(self, folder: Path) -> None:
        """Write it into the folder of its backup, as the last file: then the backup is whole."""
        facts = {"format": FORMAT, **asdict(self)}
        text = json.dumps({**facts, _CHECKSUM: _checksum(facts)}, indent=1)
        (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        InvalidInputError: when there is none, it is damaged, or a newer Dagstead has made it.
    """
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = (
            f"{str(folder)!r} is no whole backup: it has no {MANIFEST}. Name the folder that "
            "`dagstead backup` has printed."
        )
        raise InvalidInputError(msg) from error
    except (OSError, ValueError) as error:
        raise _damaged(folder) from error
    if not isinstance(facts, dict):
        raise _damaged(folder)
    _require_known_format(folder, facts)
    if facts.pop(_CHECKSUM, None) != _checksum(facts):
        raise _damaged(folder)
    return _parsed(facts)


def _require_known_format(folder: Path, facts: Mapping[str, Any]) -> None:
    found = facts.get("format")
    if isinstance(found, int) and found > FORMAT:
        made_by = facts.get("versions", {}).get("dagstead", "a newer version")
        msg = (
            f"The backup {str(folder)!r} has format {found}, made by Dagstead {made_by}; this "
            f"version knows formats up to {FORMAT}. Restore it with the version that made it."
        )
        raise InvalidInputError(msg)


def _parsed(facts: Mapping[str, Any]) -> Manifest:
    return Manifest(
        created_at=facts["created_at"],
        versions=facts["versions"],
        database=DatabaseKind(facts["database"]),
        revision=facts["revision"],
        deployments=tuple(facts["deployments"]),
        files=tuple(_file(**each) for each in facts["files"]),
        master_key=facts.get("master_key"),
    )


def _file(path: str, size: int, sha256: str) -> FileRecord:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        msg = f"The backup has a file {path!r}, which would be written outside of the target."
        raise InvalidInputError(msg)
    return FileRecord(path=path, size=size, sha256=sha256)


def _checksum(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _damaged(folder: Path) -> InvalidInputError:
    return InvalidInputError(
        f"The backup {str(folder)!r} is damaged: its {MANIFEST} has changed or cannot be read. "
        "Take another backup, or another copy of this one."
    )
