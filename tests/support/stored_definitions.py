"""Definitions in the store, as agents upload them."""

from __future__ import annotations

from dagster import Definitions
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudCodeLocationManifest,
    DagsterCloudRepositoryManifest,
    SnapshotType,
    StoredSnapshot,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.utils.warnings import disable_dagster_warnings

from dagstead.control.snapshots import Snapshots
from dagstead.store.all import Store


def stored_manifest(store: Store, deployment: str, definitions: Definitions) -> str:
    """Store definitions as an agent uploads them; the manifest that names them."""
    snapshots = Snapshots(store.blobs, deployment)
    with disable_dagster_warnings():
        repository = definitions.get_repository_def()
        for job in repository.get_all_jobs():
            snapshots.write(SnapshotType.JOB, serialize_value(job.get_job_snapshot()))
        snap = RepositorySnap.from_def(repository, defer_snapshots=True)
    text = serialize_value(snap)
    sha1 = snapshots.write(SnapshotType.REPOSITORY, text)
    manifest = DagsterCloudCodeLocationManifest(
        repositories=[
            DagsterCloudRepositoryManifest(
                name=repository.name,
                code_pointer=ModuleCodePointer("defs", "defs"),
                stored_snapshot=StoredSnapshot(
                    sha1=sha1, format="json", uri="", decompressed_size=len(text)
                ),
            )
        ],
        container_image=None,
        executable_path=None,
        dagster_library_versions=None,
        code_location_deploy_data=CodeLocationDeployData(module_name="defs"),
    )
    return serialize_value(manifest)
