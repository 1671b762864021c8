"""How assets are partitioned, by the uploaded definitions of a deployment's locations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from dagster import AssetKey, PartitionsDefinition
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest, SnapshotType

from dagstead.engine.snapshots import Snapshots
from dagstead.store.all import Store

#: Repositories whose partitions are remembered; their definitions may be megabytes to read.
_KEPT_REPOSITORIES = 64


def partitions_of(store: Store, deployment: str, key: AssetKey) -> PartitionsDefinition[Any] | None:
    """The asset's partitions; None if it has none, or no loaded location has the asset."""
    snapshots = Snapshots(store.blobs, deployment)
    for sha1 in _repositories(store, deployment):
        found = _partitions_by_asset(snapshots, sha1).get(key)
        if found is not None:
            return found.get_partitions_definition()
    return None


def _repositories(store: Store, deployment: str) -> Iterator[str]:
    for location in store.locations.all(deployment):
        if location.manifest is None:
            continue
        manifest = deserialize_value(location.manifest, DagsterCloudCodeLocationManifest)
        for repository in manifest.repositories:
            yield repository.stored_snapshot.sha1


@lru_cache(maxsize=_KEPT_REPOSITORIES)
def _partitions_by_asset(snapshots: Snapshots, sha1: str) -> Mapping[AssetKey, PartitionsSnap]:
    """Remembered by the hash of the text: it never changes."""
    text = snapshots.read(SnapshotType.REPOSITORY, sha1)
    return {
        node.asset_key: node.partitions
        for node in deserialize_value(text, RepositorySnap).asset_nodes
        if node.partitions is not None
    }
