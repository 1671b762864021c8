"""A control plane's stores as a backup finds them, and as a restore leaves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterInstance

from dagstead.engine.instances import Instances
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.clock import Clock
from dagstead.server.backup import take_backup
from dagstead.server.services import open_instances, opened_store
from dagstead.server.settings_sources import LoadedSettings, load_settings
from dagstead.store.all import Store

#: When all backups of tests are taken.
NOON = 1_700_000_000.0


@dataclass(frozen=True, kw_only=True)
class OpenPlane:
    """The stores of a control plane, as its processes open them."""

    store: Store
    instances: Instances

    def instance(self, deployment: str) -> DagsterInstance:
        """What Dagster stores for a deployment."""
        return self.instances.get(self.store.deployments.get(deployment))


def settings_of(data: Path, database: str | None = None) -> LoadedSettings:
    """As ``--data`` and ``--database`` choose them."""
    return load_settings({"data": data, "database": database}, environment={})


@contextmanager
def open_plane(loaded: LoadedSettings) -> Iterator[OpenPlane]:
    """Open, and migrate, all that is stored."""
    with opened_store(loaded.settings) as store:
        instances = open_instances(loaded.settings, store)
        try:
            yield OpenPlane(store=store, instances=instances)
        finally:
            instances.close()


def at(moment: float) -> Clock:
    """A clock that stands."""
    return lambda: moment


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A control plane, and places to restore it to."""

    folder: Path
    loaded: LoadedSettings
    #: The URL of an empty database of the same kind, None for SQLite.
    new_database: Callable[[], str | None]

    @property
    def data(self) -> Path:
        return self.loaded.settings.data

    def take(self, name: str = "backup") -> Path:
        take_backup(self.loaded, self.folder / name, at(NOON))
        return self.folder / name

    def target(self, name: str = "restored") -> LoadedSettings:
        return settings_of(self.folder / name, self.new_database())


def blob(number: int) -> BlobKey:
    return BlobKey(BlobKind.ARTIFACT, "prod", f"number-{number}")


def left_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}
