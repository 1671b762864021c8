"""Definitions that agents upload after a deploy: both schemes, and the results of loading.

Direct: files go to signed addresses, then the result names them. Server upload: everything comes in
the request, when an agent has ``direct_snapshot_uploads: false``.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from dagster._core.definitions.selector import JobSelector
from dagster._core.remote_representation.external_data import (
    extract_serialized_job_snap_from_serialized_job_data_snap,
)
from dagster._serdes import pack_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    CheckSnapshotResult,
    ConfirmUploadResult,
    DagsterCloudCodeLocationManifest,
    DagsterCloudCodeLocationUpdateResponse,
    DagsterCloudCodeLocationUpdateResult,
    DagsterCloudRepositoryManifest,
    DagsterCloudUploadWorkspaceEntry,
    DagsterCloudUploadWorkspaceResponse,
    FileFormat,
    SnapshotType,
    SnapshotUploadData,
    StoredSnapshot,
)
from dagster_shared.error import SerializableErrorInfo
from starlette.responses import JSONResponse, PlainTextResponse, Response

from dagstead.agent_api.rest import Payload, unpack_text
from dagstead.agent_api.services import Caller
from dagstead.control.snapshots import Snapshots
from dagstead.control.unpacking import LOAD_ERRORS
from dagstead.engine.code_location import deploy_id_of, missing_job_snapshots
from dagstead.errors import BlobNotFoundError, InvalidInputError
from dagstead.plane.texts import require_storable

_TYPES = frozenset({SnapshotType.ERROR, SnapshotType.JOB, SnapshotType.REPOSITORY})

_SUPERSEDED = "ignored: this location was deployed again or removed in the meantime"


def check_snapshot(caller: Caller, payload: Payload) -> Response:
    """``GET /check_snapshot``: whether a snapshot is stored, else where to put it."""
    kind, sha1 = _kind(payload.param("type")), payload.param("sha1")
    formats = payload.query.getlist("formats")
    snapshots = caller.snapshots
    if snapshots.has(kind, sha1):
        stored = _stored(kind, sha1, int(payload.query.get("size", "0")))
        return _packed(CheckSnapshotResult(stored_snapshot=stored, upload_data=None))
    upload_id = uuid.uuid4().hex
    offer = snapshots.offer(upload_id)
    data = SnapshotUploadData(
        sha1=sha1,
        format=(FileFormat.GZIPPED_JSON if FileFormat.GZIPPED_JSON in formats else FileFormat.JSON),
        uri=offer.key,
        presigned_put_url=caller.base_url + offer.address,
        id=upload_id,
        type=kind,
    )
    return _packed(CheckSnapshotResult(stored_snapshot=None, upload_data=data))


def confirm_upload(caller: Caller, payload: Payload) -> Response:
    """``PUT /confirm_upload``: store what was uploaded to the signed address."""
    data = payload.packed(SnapshotUploadData)
    kind = _kind(data.type)
    if caller.snapshots.has(kind, data.sha1):
        caller.snapshots.discard(data.id)
        return _packed(ConfirmUploadResult(stored_snapshot=_stored(kind, data.sha1, 0)))
    size = caller.snapshots.accept(
        kind,
        data.sha1,
        data.id,
        compressed=data.format == FileFormat.GZIPPED_JSON,
        limit=LOAD_ERRORS if kind == SnapshotType.ERROR else caller.services.definitions,
    )
    return _packed(ConfirmUploadResult(stored_snapshot=_stored(kind, data.sha1, size)))


def code_location_update_result(caller: Caller, payload: Payload) -> Response:
    """``PUT /code_location_update_result``: the outcome of loading a location, by reference."""
    result = payload.packed(DagsterCloudCodeLocationUpdateResult)
    require_storable(result.location_name)
    if result.manifest is not None:
        missing, updated = _take_manifest(caller, result.location_name, result.manifest)
    elif result.error_snapshot is not None:
        error = _read_error(caller, result.location_name, result.error_snapshot.sha1)
        missing, updated = [], _take_error(caller, result.location_name, None, error)
    else:
        msg = f"The result for {result.location_name!r} has neither definitions nor an error."
        raise InvalidInputError(msg)
    return _packed(
        DagsterCloudCodeLocationUpdateResponse(
            updated=not missing,
            message=_message(missing, updated=updated),
            missing_job_snapshots=missing or None,
        )
    )


def upload_workspace_entry(caller: Caller, payload: Payload) -> Response:
    """``PUT /upload_workspace_entry``: the outcome of loading a location, all in one file."""
    text = payload.file("workspace_entry.tmp", caller.services.definitions)
    entry = unpack_text(text, DagsterCloudUploadWorkspaceEntry)
    require_storable(entry.location_name)
    missing: list[JobSelector] = []
    if entry.upload_location_data is not None:
        manifest = _store_entry(caller, entry)
        missing, updated = _take_manifest(caller, entry.location_name, manifest)
    elif entry.serialized_error_info is not None:
        updated = _take_error(
            caller,
            entry.location_name,
            deploy_id_of(entry.code_location_deploy_data),
            serialize_value(entry.serialized_error_info),
        )
    else:
        msg = f"The entry for {entry.location_name!r} has neither definitions nor an error."
        raise InvalidInputError(msg)
    return PlainTextResponse(
        serialize_value(
            DagsterCloudUploadWorkspaceResponse(
                updated=not missing,
                message=_message(missing, updated=updated),
                missing_job_snapshots=missing or None,
            )
        )
    )


def upload_job_snapshot(caller: Caller, payload: Payload) -> Response:
    """``PUT /upload_job_snapshot``: one job that a workspace entry refers to."""
    snapshots = caller.snapshots
    text = payload.file("job.tmp", caller.services.definitions).decode(errors="replace")
    try:
        job = extract_serialized_job_snap_from_serialized_job_data_snap(text)
    except Exception as error:
        msg = "The upload holds no job definition that this server can read."
        raise InvalidInputError(msg) from error
    snapshots.write(SnapshotType.JOB, job)
    return JSONResponse({})


def _take_manifest(
    caller: Caller, location: str, manifest: DagsterCloudCodeLocationManifest
) -> tuple[list[JobSelector], bool]:
    try:
        snapshots = caller.snapshots_of(location)
        with caller.services.memory.lend(_cost(snapshots, manifest)):
            missing = missing_job_snapshots(manifest, snapshots, location)
    except BlobNotFoundError as error:
        msg = f"The definitions of {location!r} name a snapshot that was never uploaded."
        raise InvalidInputError(msg) from error
    if missing:
        return missing, False
    counted = caller.control.load_reports.loaded(
        caller.actor,
        caller.deployment,
        location,
        deploy_id=deploy_id_of(manifest.code_location_deploy_data) or "",
        manifest=serialize_value(manifest),
    )
    return [], counted


def _cost(snapshots: Snapshots, manifest: DagsterCloudCodeLocationManifest) -> int:
    """The memory for reading its repositories, one after another."""
    return max(
        (
            snapshots.cost(SnapshotType.REPOSITORY, repository.stored_snapshot.sha1)
            for repository in manifest.repositories
        ),
        default=0,
    )


def _read_error(caller: Caller, location: str, sha1: str) -> str:
    try:
        text = caller.snapshots_of(location).read(SnapshotType.ERROR, sha1)
    except BlobNotFoundError as error:
        msg = f"The error of {location!r} names a snapshot that was never uploaded."
        raise InvalidInputError(msg) from error
    # Everything stored here is read with the workspace, every time.
    unpack_text(text.encode(), SerializableErrorInfo)
    masked = _masked(caller, location, text)
    if masked != text:
        caller.snapshots.replace(SnapshotType.ERROR, sha1, masked)
    return masked


def _take_error(caller: Caller, location: str, deploy_id: str | None, error: str) -> bool:
    return caller.control.load_reports.failed(
        caller.actor,
        caller.deployment,
        location,
        deploy_id=deploy_id,
        error=_masked(caller, location, error),
    )


def _masked(caller: Caller, location: str, error: str) -> str:
    """An error without the secrets that code of the location was given."""
    return caller.control.secrets.mask(
        caller.actor, caller.deployment, location, error, caller.services.secrets
    )


def _store_entry(
    caller: Caller, entry: DagsterCloudUploadWorkspaceEntry
) -> DagsterCloudCodeLocationManifest:
    data = entry.upload_location_data
    if data is None:
        raise InvalidInputError
    snapshots = caller.snapshots_of(entry.location_name)
    return DagsterCloudCodeLocationManifest(
        repositories=[
            DagsterCloudRepositoryManifest(
                name=repository.repository_name,
                code_pointer=repository.code_pointer,
                stored_snapshot=_stored(
                    SnapshotType.REPOSITORY,
                    snapshots.write(SnapshotType.REPOSITORY, repository.serialized_repository_data),
                    len(repository.serialized_repository_data),
                ),
            )
            for repository in data.upload_repository_datas
        ],
        container_image=data.container_image,
        executable_path=data.executable_path,
        dagster_library_versions=data.dagster_library_versions,
        code_location_deploy_data=entry.code_location_deploy_data,
    )


def _message(missing: Sequence[JobSelector], *, updated: bool) -> str:
    if missing:
        return f"{len(missing)} job snapshots are missing"
    return "updated" if updated else _SUPERSEDED


def _kind(text: str) -> str:
    if text not in _TYPES:
        msg = f"{text[:40]!r} is not a kind of snapshot: {', '.join(sorted(_TYPES))}."
        raise InvalidInputError(msg)
    return text


def _stored(kind: str, sha1: str, size: int) -> StoredSnapshot:
    return StoredSnapshot(
        sha1=sha1, format=FileFormat.GZIPPED_JSON, uri=f"{kind}/{sha1}", decompressed_size=size
    )


def _packed(
    value: CheckSnapshotResult | ConfirmUploadResult | DagsterCloudCodeLocationUpdateResponse,
) -> Response:
    return JSONResponse(pack_value(value))
