"""The partitions of assets and who makes them, from the definitions of a deployment's locations."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dagster import AssetKey, PartitionsDefinition
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest, SnapshotType

from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.control.snapshots import Snapshots
from dagstead.plane.deployments import Deployment

#: How many repositories are remembered. Reading their definitions may mean megabytes.
_KEPT_REPOSITORIES = 64


@dataclass(frozen=True, slots=True)
class _Asset:
    partitions: PartitionsSnap | None
    #: Whether the location makes it. It may also only name an asset of another one.
    is_made: bool


_Assets: TypeAlias = Mapping[AssetKey, _Asset]


@dataclass(frozen=True, slots=True)
class AssetPartitions:
    """Looks up partitions, and remembers what it has read. Safe to use from several threads."""

    _known: OrderedDict[str, _Assets] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(
        self, control: Control, actor: Actor, deployment: Deployment, key: AssetKey
    ) -> PartitionsDefinition[Any] | None:
        """The partitions of an asset; ``None`` if it has none, or no loaded location has it."""
        snapshots = control.files.snapshots(actor, deployment)
        for manifest in control.locations.manifests(actor, deployment).values():
            for sha1 in _repositories(manifest):
                found = self._in_repository(snapshots, sha1).get(key)
                if found is not None and found.partitions is not None:
                    partitions: PartitionsDefinition[Any] = (
                        found.partitions.get_partitions_definition()
                    )
                    return partitions
        return None

    def makers(
        self, control: Control, actor: Actor, deployment: Deployment, key: AssetKey
    ) -> frozenset[str]:
        """The names of the locations that make an asset."""
        snapshots = control.files.snapshots(actor, deployment)
        return frozenset(
            name
            for name, manifest in control.locations.manifests(actor, deployment).items()
            for sha1 in _repositories(manifest)
            if key in (assets := self._in_repository(snapshots, sha1)) and assets[key].is_made
        )

    def _in_repository(self, snapshots: Snapshots, sha1: str) -> _Assets:
        # The hash is that of the whole text, so that what is remembered never gets out of date.
        with self._lock:
            if sha1 in self._known:
                self._known.move_to_end(sha1)
                return self._known[sha1]
        read = _read(snapshots, sha1)
        with self._lock:
            self._known[sha1] = read
            while len(self._known) > _KEPT_REPOSITORIES:
                self._known.popitem(last=False)
        return read


def _repositories(text: str) -> Iterator[str]:
    manifest = deserialize_value(text, DagsterCloudCodeLocationManifest)
    for repository in manifest.repositories:
        yield repository.stored_snapshot.sha1


def _read(snapshots: Snapshots, sha1: str) -> _Assets:
    text = snapshots.read(SnapshotType.REPOSITORY, sha1)
    return {
        node.asset_key: _Asset(node.partitions, node.is_executable)
        for node in deserialize_value(text, RepositorySnap).asset_nodes
    }
