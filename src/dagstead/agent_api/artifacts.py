"""Artifacts by key: dbt manifests, component state, PEX files for the managed pool.

The CLI calls these too, with user tokens, at ``/{deployment}/gen_artifact_…``.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload
from dagstead.agent_api.services import Caller
from dagstead.errors import InvalidInputError
from dagstead.plane.deployments import Deployment


def gen_artifact_get(caller: Caller, payload: Payload) -> Response:
    """``POST /gen_artifact_get``: an address to read an artifact from.

    Official clients read ``url`` alone. The managed pool compares the SHA-256 with what arrives.
    """
    file = caller.control.files.artifact_to_read(caller.actor, _deployment(caller), _name(payload))
    digest = {} if file.sha256 is None else {"sha256": file.sha256}
    return JSONResponse({"url": caller.base_url + file.address, **digest})


def gen_artifact_post(caller: Caller, payload: Payload) -> Response:
    """``POST /gen_artifact_post``: an address to send an artifact to, as a form."""
    address = caller.control.files.artifact_to_write(
        caller.actor, _deployment(caller), _name(payload)
    )
    return JSONResponse({"url": caller.base_url + address, "fields": {}})


def _deployment(caller: Caller) -> Deployment | None:
    return caller.deployment if caller.deployment_name else None


def _name(payload: Payload) -> str:
    name = payload.json().get("key")
    if not isinstance(name, str):
        raise InvalidInputError("The body needs a text under 'key'.")
    return name
