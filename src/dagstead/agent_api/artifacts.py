"""Artifacts by key: dbt manifests, component state, PEX files for the managed pool.

The CLI calls these too, with user tokens, at ``/{deployment}/gen_artifact_…``.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload
from dagstead.agent_api.services import Caller
from dagstead.errors import BlobNotFoundError, ForbiddenError, InvalidInputError
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind
from dagstead.plane.tokens import TokenKind

_PEX_PREFIX = "pex/"


def gen_artifact_get(caller: Caller, payload: Payload) -> Response:
    """``POST /gen_artifact_get``: an address to read an artifact from."""
    key = _key(caller, payload)
    blobs = caller.services.store.blobs
    if blobs.size(key) is None:
        msg = f"There is no artifact {key.path!r}."
        raise BlobNotFoundError(msg)
    return JSONResponse({"url": caller.base_url + blobs.sign(key, "GET")})


def gen_artifact_post(caller: Caller, payload: Payload) -> Response:
    """``POST /gen_artifact_post``: an address to send an artifact to, as a form."""
    key = _key(caller, payload)
    if key.kind is BlobKind.PEX:
        msg = "PEX files are uploaded by the CLI: `dagster-cloud ci build`."
        raise ForbiddenError(msg)
    address = caller.services.store.blobs.sign(key, "POST")
    return JSONResponse({"url": caller.base_url + address, "fields": {}})


def _key(caller: Caller, payload: Payload) -> BlobKey:
    name = payload.json().get("key")
    if not isinstance(name, str):
        msg = "The body needs a text under 'key'."
        raise InvalidInputError(msg)
    if caller.deployment_name:
        return BlobKey(BlobKind.ARTIFACT, caller.deployment.name, name)
    if name.startswith(_PEX_PREFIX) and caller.token.kind is TokenKind.AGENT:
        return BlobKey(BlobKind.PEX, ORGANIZATION, name.removeprefix(_PEX_PREFIX))
    if caller.token.deployments is not None:
        msg = (
            f"Token {caller.token.name!r} is limited to deployments, and this artifact belongs to "
            "the whole organization. Name a deployment, or use a token for all of them."
        )
        raise ForbiddenError(msg)
    return BlobKey(BlobKind.ARTIFACT, ORGANIZATION, name)
