"""Captured stdout and stderr: signed addresses, and where uploads to them go."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._core.storage.local_compute_log_manager import (
    IO_TYPE_EXTENSION,
    LocalComputeLogManager,
)
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload
from dagstead.agent_api.services import AgentServices, Caller
from dagstead.control.actor import SYSTEM
from dagstead.errors import InvalidInputError
from dagstead.plane.blobs import BlobKey

_PARTIAL = "partial"
_FINAL = "final"


def gen_logs_url(caller: Caller, payload: Payload) -> Response:
    """``GET /gen_logs_url``: where to put the output of a step, or of a tick."""
    log_key = payload.query.getlist("log_key") or [
        payload.param("run_id"),
        "compute_logs",
        payload.param("key"),
    ]
    io_type = payload.param("io_type")
    if io_type not in {stream.value for stream in ComputeIOType}:
        msg = f"io_type is {io_type[:40]!r}; it must be stdout or stderr."
        raise InvalidInputError(msg)
    stage = _PARTIAL if payload.query.get("partial") else _FINAL
    caller.control.workers.require_log(caller.actor, caller.deployment, log_key)
    address = caller.control.files.log_address(
        caller.actor, caller.deployment, log_key[0], f"{stage}/{io_type}/{_encode(log_key)}"
    )
    return JSONResponse({"url": caller.base_url + address})


def take_log(services: AgentServices, key: BlobKey, upload: Path) -> None:
    """Move an uploaded log to where the UI reads it.

    A final log ends the capture; a partial one that comes after it is dropped.
    """
    stage, io_type, encoded = key.path.split("/", 2)
    log_key = _decode(encoded)
    instance = services.instances.get(services.control.deployments.named(SYSTEM, key.scope))
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        raise TypeError(type(manager))
    complete = Path(manager.get_captured_local_path(log_key, "complete"))
    if stage == _PARTIAL and complete.exists():
        return
    extension = IO_TYPE_EXTENSION[ComputeIOType(io_type)]
    path = Path(manager.get_captured_local_path(log_key, extension))
    path.parent.mkdir(parents=True, exist_ok=True)
    # In one step, so that a reader never sees half of it.
    upload.replace(path)
    if stage == _FINAL:
        complete.touch()


def _encode(log_key: list[str]) -> str:
    for part in log_key:
        if not part or part in {".", ".."} or "/" in part or "\\" in part or "\0" in part:
            msg = f"{part[:80]!r} cannot be a part of a log's key."
            raise InvalidInputError(msg)
    return base64.urlsafe_b64encode(json.dumps(log_key).encode()).decode()


def _decode(text: str) -> list[str]:
    return [str(part) for part in json.loads(base64.urlsafe_b64decode(text))]
