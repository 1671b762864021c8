"""``PUT /upload_api_response``: agents' answers to requests, one or a batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    BatchDagsterCloudUploadApiResponse,
    DagsterCloudUploadApiResponse,
)
from starlette.responses import JSONResponse, Response

from dagstead.agent_api.rest import Payload, unpack_text
from dagstead.agent_api.services import Caller
from dagstead.control.unpacking import ANSWERS
from dagstead.plane.texts import require_storable

logger = logging.getLogger(__name__)

_ONE = "api_response.tmp"
_BATCH = "api_response_batch.tmp"


def upload_api_response(caller: Caller, payload: Payload) -> Response:
    """Store the answers, and wake the callers that wait for them."""
    for answer in _answers(payload):
        _take(caller, answer)
    return JSONResponse({})


def _answers(payload: Payload) -> Sequence[DagsterCloudUploadApiResponse]:
    if _BATCH in payload.files:
        return unpack_text(payload.file(_BATCH, ANSWERS), BatchDagsterCloudUploadApiResponse).batch
    return [unpack_text(payload.file(_ONE, ANSWERS), DagsterCloudUploadApiResponse)]


def _take(caller: Caller, answer: DagsterCloudUploadApiResponse) -> None:
    require_storable(answer.request_id)
    request = caller.control.requests.answer(
        caller.actor, caller.deployment, answer.request_id, serialize_value(answer.response)
    )
    if request is None:
        # Not an error: the answer came twice, or after the caller gave up.
        logger.info("Dropped the answer to request %s: nobody waits for it", answer.request_id)
