"""The folders that runs leave: what their steps stored on the pool, and their captured logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from dagstead.plane.storage import StoredKind
from dagstead.store.folders import changed_at, folders_in, put_back, remove_older, size_of

#: Values of assets lie beside the runs, in folders that are named after the asset.
_RUN_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFolder:
    """What one run left."""

    kind: StoredKind
    deployment: str
    run_id: str
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

    def all(self) -> Iterator[RunFolder]:
        """Every folder of a run."""
        for kind, deployment, folder in self._parents():
            for place in folders_in(folder):
                if _RUN_ID.fullmatch(place.name):
                    try:
                        when = changed_at(place)
                    except FileNotFoundError:
                        continue
                    yield RunFolder(
                        kind=kind,
                        deployment=deployment,
                        run_id=place.name,
                        size=size_of(place),
                        changed_at=when,
                    )

    def remove_older(
        self, kind: StoredKind, deployment: str, run_id: str, *, before: float
    ) -> bool:
        """Remove the folder of a run unless it has changed since ``before``; whether it did."""
        folder = next(
            folder for each, name, folder in self._parents() if (each, name) == (kind, deployment)
        )
        return remove_older(folder / run_id, before=before)

    def tidy(self) -> None:
        """Put back what a sweep that was killed was about to remove."""
        for _, _, folder in self._parents():
            put_back(folder)

    def _parents(self) -> Iterator[tuple[StoredKind, str, Path]]:
        for place in folders_in(self.pool):
            yield StoredKind.OUTPUT, unquote(place.name), place / "storage"
        for place in folders_in(self.deployments):
            yield StoredKind.LOG, place.name, place / "logs"
