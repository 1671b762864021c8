"""A code location with uploaded definitions, whose code is called through a queue."""

from __future__ import annotations

from collections.abc import Mapping

from dagster import DagsterInstance, DefaultScheduleStatus, DefaultSensorStatus
from dagster._core.definitions.selector import JobSelector
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT
from dagster._core.remote_origin import RegisteredCodeLocationOrigin
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.remote_representation.external_data import (
    JobDataSnap,
    JobRefSnap,
    RepositorySnap,
)
from dagster._core.remote_representation.handle import RepositoryHandle
from dagster._core.snap import JobSnap
from dagster._grpc.types import NotebookPathArgs
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudCodeLocationManifest,
    SnapshotType,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.record import copy
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

from dagstead.control.snapshots import Snapshots
from dagstead.engine.queue_client import QueueClient, Target
from dagstead.engine.schedules import SchedulesMadeUp
from dagstead.errors import InvalidInputError

#: An environment variable of code servers. Agents send it back in the deploy data of their results,
#: so that late results of an older deploy are recognised.
_DEPLOY_ID_VARIABLE = "DAGSTEAD_DEPLOY_ID"


class AgentCodeLocation(GrpcServerCodeLocation):
    """Is built from a manifest, and asks its agent only for what needs user code."""

    def __init__(
        self,
        *,
        target: Target,
        deploy_id: str,
        manifest: DagsterCloudCodeLocationManifest,
        snapshots: Snapshots,
        instance: DagsterInstance,
        for_daemons: bool = False,
    ) -> None:
        # The base class asks a gRPC server for all this; the manifest has it already.
        self._origin = RegisteredCodeLocationOrigin(target.location)
        self._instance = instance
        self.client = QueueClient(target)
        self._snapshots = snapshots
        self._repository_class = SchedulesMadeUp if for_daemons else RemoteRepository
        self._is_branch = target.deployment.is_branch
        self._manifest = manifest
        self._server_id = deploy_id
        self._heartbeat_shutdown_event = None
        self._heartbeat_thread = None
        self.grpc_server_registry = None
        self._executable_path = manifest.executable_path
        self._entry_point = DEFAULT_DAGSTER_ENTRY_POINT
        self._dagster_library_versions = manifest.dagster_library_versions
        self._container_image = manifest.container_image
        self._container_context = manifest.code_location_deploy_data.container_context
        self._repository_code_pointer_dict = {
            repository.name: repository.code_pointer for repository in manifest.repositories
        }
        self.repository_names = set(self._repository_code_pointer_dict)
        self.remote_repositories = {
            repository.name: self._repository(repository.name, repository.stored_snapshot.sha1)
            for repository in manifest.repositories
        }

    def get_display_metadata(self) -> Mapping[str, str]:
        """The facts that the UI shows beside the location's name."""
        deployed = self._manifest.code_location_deploy_data
        git = deployed.git_metadata
        shown = {
            "image": self._container_image,
            "python_file": deployed.python_file,
            "package_name": deployed.package_name,
            "module_name": deployed.module_name,
            "working_directory": deployed.working_directory,
            "agent_queue": deployed.agent_queue,
            "commit_hash": git.commit_hash if git else None,
            "url": git.url if git else None,
        }
        return {key: value for key, value in shown.items() if value}

    def get_defs_state_info(self) -> DefsStateInfo | None:
        """The deployed versions of component state."""
        return self._manifest.code_location_deploy_data.defs_state_info

    def get_notebook_data(self, notebook_path: str) -> bytes:
        """See the base class. Its client streams, but agents answer in one piece."""
        client = self.client
        if not isinstance(client, QueueClient):
            raise TypeError(type(client))
        return client.notebook(
            NotebookPathArgs(code_location_origin=self._origin, notebook_path=notebook_path)
        )

    def _repository(self, name: str, sha1: str) -> RemoteRepository:
        snap = deserialize_value(
            self._snapshots.read(SnapshotType.REPOSITORY, sha1), RepositorySnap
        )
        if self._is_branch:
            snap = _with_automation_off(snap)
        return self._repository_class(
            snap,
            RepositoryHandle.from_location(repository_name=name, code_location=self),
            auto_materialize_use_sensors=self._instance.auto_materialize_use_sensors,
            ref_to_data_fn=self._job_data,
        )

    def _job_data(self, ref: JobRefSnap) -> JobDataSnap:
        return JobDataSnap(
            name=ref.name,
            job=self._job(ref.snapshot_id),
            parent_job=self._parent(ref.parent_snapshot_id),
            active_presets=ref.active_presets,
        )

    def _parent(self, snapshot_id: str | None) -> JobSnap | None:
        # Agents upload the jobs that a repository names. A parent is among them, or was left out.
        if snapshot_id is None or not self._snapshots.has(SnapshotType.JOB, snapshot_id):
            return None
        return self._job(snapshot_id)

    def _job(self, snapshot_id: str) -> JobSnap:
        return deserialize_value(self._snapshots.read(SnapshotType.JOB, snapshot_id), JobSnap)


def _with_automation_off(snap: RepositorySnap) -> RepositorySnap:
    # In a branch deployment nothing runs by itself until somebody switches it on there: code of a
    # branch must not write to the same places as the code of the main branch.
    return copy(
        snap,
        schedules=[
            copy(schedule, default_status=DefaultScheduleStatus.STOPPED)
            for schedule in snap.schedules
        ],
        sensors=[
            copy(sensor, default_status=DefaultSensorStatus.STOPPED) for sensor in snap.sensors
        ],
    )


def missing_job_snapshots(
    manifest: DagsterCloudCodeLocationManifest, snapshots: Snapshots, location: str
) -> list[JobSelector]:
    """The jobs of a manifest whose snapshots were not uploaded yet.

    Raises:
        BlobNotFoundError: when the snapshot of a repository was never uploaded.
        InvalidInputError: when this server cannot read it.
    """
    missing: list[JobSelector] = []
    for repository in manifest.repositories:
        snap = _repository_snap(
            snapshots.read(SnapshotType.REPOSITORY, repository.stored_snapshot.sha1), location
        )
        missing += [
            JobSelector(location_name=location, repository_name=repository.name, job_name=ref.name)
            for ref in snap.job_refs or []
            if not snapshots.has(SnapshotType.JOB, ref.snapshot_id)
        ]
    return missing


def _repository_snap(text: str, location: str) -> RepositorySnap:
    try:
        return deserialize_value(text, RepositorySnap)
    except Exception as error:
        msg = (
            f"This server cannot read the definitions that were uploaded for {location!r}. "
            "If the agent is newer than the server, upgrade the server."
        )
        raise InvalidInputError(msg) from error


def deploy_id_of(data: CodeLocationDeployData) -> str | None:
    """The deploy that a code server was started for."""
    value = data.cloud_context_env.get(_DEPLOY_ID_VARIABLE)
    return str(value) if value is not None else None
