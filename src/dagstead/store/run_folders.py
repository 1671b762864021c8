"""What runs and ticks leave in folders: what steps stored on the pool, and captured logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from dagstead.plane.storage import StoredKind
from dagstead.store.folders import changed_at, files_in, folders_in, put_back, remove_older, size_of

#: Values of assets lie beside the runs, in folders that are named after the asset.
_RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftPath:
    """What one run left in a folder, or one tick in a file."""

    kind: StoredKind
    deployment: str
    #: The id of the run; of a tick, the path of its log.
    name: str
    size: int
    #: When something in it was last changed, in seconds since 1970.
    changed_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolders:
    """The folders of runs, as far as they are on this machine."""

    #: Has a folder for every deployment that the pool has run something of.
    pool: Path
    #: Has a folder for every deployment.
    deployments: Path

    def all(self) -> Iterator[LeftPath]:
        """Every folder of a run, and every log of a tick."""
        for kind, deployment, folder in self._parents():
            for place in folders_in(folder):
                if _RUN_ID.fullmatch(place.name):
                    yield from _left(kind, deployment, place, place.name)
                elif kind is StoredKind.LOG:
                    # Of a repository: what its schedules and sensors have logged.
                    for file in files_in(place):
                        name = file.relative_to(folder).as_posix()
                        yield from _left(StoredKind.TICK_LOG, deployment, file, name)

    def remove_older(self, kind: StoredKind, deployment: str, name: str, *, before: float) -> bool:
        """Remove what was left unless it has changed since ``before``; whether it did."""
        if kind is StoredKind.OUTPUT:
            return remove_older(
                self.pool / quote(deployment, safe="") / "storage" / name, before=before
            )
        return remove_older(self.deployments / deployment / "logs" / name, before=before)

    def tidy(self) -> None:
        """Put back what a sweep that was killed was about to remove."""
        for _, _, folder in self._parents():
            put_back(folder)

    def _parents(self) -> Iterator[tuple[StoredKind, str, Path]]:
        for place in folders_in(self.pool):
            yield StoredKind.OUTPUT, unquote(place.name), place / "storage"
        for place in folders_in(self.deployments):
            yield StoredKind.LOG, place.name, place / "logs"


def _left(kind: StoredKind, deployment: str, path: Path, name: str) -> Iterator[LeftPath]:
    # Others may remove it meanwhile.
    with suppress(FileNotFoundError):
        yield LeftPath(
            kind=kind,
            deployment=deployment,
            name=name,
            size=size_of(path) if path.is_dir() else path.stat().st_size,
            changed_at=changed_at(path),
        )
