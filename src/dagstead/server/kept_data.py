"""What of a data folder is in a backup, and what the next start makes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from types import MappingProxyType

from dagstead.server.settings_file import FILE_NAME
from dagstead.store.backup.sqlite import DatabaseGroup
from dagstead.store.key_sources import OWN_KEY_FILE

#: The control plane's own tables, with SQLite.
DATABASE_FILE = "dagstead.db"

#: In the pool's folder: what it unpacks, runs, downloads, and knows of this machine.
_OF_THE_POOL = (
    *("agent.lock", "agents.json", "compute_logs", "dagster.yaml", "docker-name", "environments"),
    *("images", "interpreters", "layers", "locks", "scratch", "servers", "tags", "tenants"),
    "users.json",
)
#: Locks, sockets, uploads under way, and what the pool makes again: not in a backup.
_MADE_AGAIN = frozenset(
    {"bell", "uploads", "up.lock", "daemon.lock", *(f"pool/{name}" for name in _OF_THE_POOL)}
)

_DEPLOYMENTS = "deployments"
#: In the folder of a deployment, with SQLite: what Dagster stores.
_DATABASES = frozenset({"runs", "events", "schedules"})
#: Held while these are made.
_LOCK = ".lock"


def _is_whole(path: PurePath) -> bool:
    # A file that is being written has a number after "#", which no key of a file may contain.
    return "#" not in path.name


def _is_no_database(path: PurePath) -> bool:
    _, *below = path.parts
    return below[0] != _LOCK and below[0] not in _DATABASES


def _is_any(_: PurePath) -> bool:
    return True


#: The pool's run workers, by which it knows in a copy that they are gone.
RUN_WORKERS = "pool/runs"

#: The folders of files, and which of their files.
KEPT: Mapping[str, Callable[[PurePath], bool]] = MappingProxyType(
    {
        "blobs": _is_whole,
        _DEPLOYMENTS: _is_no_database,
        # What steps on the pool have stored.
        "pool/deployments": _is_any,
        RUN_WORKERS: _is_any,
    }
)

#: What SQLite writes beside a database.
_SQLITE_FILES = tuple(f"{DATABASE_FILE}{end}" for end in ("", "-wal", "-shm", "-journal"))
#: What opens the secrets in the databases: whoever has a backup must not have it, too.
_NEVER_COPIED = OWN_KEY_FILE.parts[0]
#: Everything that a data folder may have.
_NAMES = frozenset({*KEPT, *_MADE_AGAIN, *_SQLITE_FILES, FILE_NAME, _NEVER_COPIED})


def is_named(path: PurePath) -> bool:
    """Whether it is decided if a file or folder of a data folder is in a backup.

    Args:
        path: in the data folder.
    """
    around = {path.as_posix(), *(parent.as_posix() for parent in path.parents)}
    return not around.isdisjoint(_NAMES) or any(
        name.startswith(f"{path.as_posix()}/") for name in _NAMES
    )


def databases_of_deployments(data: Path) -> Iterator[DatabaseGroup]:
    """What Dagster has stored with SQLite, by deployment."""
    for home in sorted((data / _DEPLOYMENTS).glob("*/")):
        files = (file for folder in sorted(_DATABASES) for file in (home / folder).rglob("*.db"))
        lock = home / _LOCK
        yield DatabaseGroup(files=tuple(files), lock=lock if lock.exists() else None)
