"""An agent by its protocol alone: it uploads what a test says its code server answered."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from dagster import Definitions
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._serdes import deserialize_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudUploadLocationData,
    DagsterCloudUploadRepositoryData,
    DagsterCloudUploadWorkspaceEntry,
    SnapshotType,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.snapshots import Snapshots
from dagstead.store.all import Store

#: As agents report it: what was raised is the innermost cause.
BROKEN = SerializableErrorInfo(
    message="dagster._core.errors.DagsterUserCodeLoadError: Error occurred while loading\n",
    stack=['  File "grpc/server.py", line 1, in load\n'],
    cls_name="DagsterUserCodeLoadError",
    cause=SerializableErrorInfo(
        message="RuntimeError: warehouse is down\n",
        stack=['  File "defs.py", line 2, in <module>\n'],
        cls_name="RuntimeError",
    ),
)


@dataclass(frozen=True, kw_only=True)
class PlayedAgent:
    """Answers for the locations of one deployment."""

    store: Store
    deployment: str
    #: Sends files to a path of the agent's API.
    put: Callable[[str, dict[str, bytes]], httpx.Response]

    def load(self, location: str, definitions: Definitions) -> None:
        """Report that a location, as it is deployed now, loaded to these definitions."""
        repository = definitions.get_repository_def()
        snapshots = Snapshots(self.store.blobs, self.deployment)
        for job in repository.get_all_jobs():
            snapshots.write(SnapshotType.JOB, serialize_value(job.get_job_snapshot()))
        snap = RepositorySnap.from_def(repository, defer_snapshots=True)
        data = DagsterCloudUploadRepositoryData(
            repository_name=repository.name,
            code_pointer=ModuleCodePointer("defs", "defs"),
            serialized_repository_data=serialize_value(snap),
        )
        self._upload(
            location,
            DagsterCloudUploadLocationData(
                upload_repository_datas=[data],
                container_image=None,
                executable_path=None,
                dagster_library_versions=None,
            ),
            None,
        )

    def fail(self, location: str, error: SerializableErrorInfo = BROKEN) -> None:
        """Report that a location, as it is deployed now, cannot be loaded."""
        self._upload(location, None, error)

    def _upload(
        self,
        location: str,
        data: DagsterCloudUploadLocationData | None,
        error: SerializableErrorInfo | None,
    ) -> None:
        row = self.store.locations.get(self.deployment, location)
        entry = DagsterCloudUploadWorkspaceEntry(
            location_name=location,
            code_location_deploy_data=deserialize_value(row.deploy_data, CodeLocationDeployData),
            upload_location_data=data,
            serialized_error_info=error,
        )
        packed = zlib.compress(serialize_value(entry).encode())
        answer = self.put("/upload_workspace_entry", {"workspace_entry.tmp": packed})
        assert answer.status_code == 200, answer.text
