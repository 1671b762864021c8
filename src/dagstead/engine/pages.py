"""Addresses of open-source Dagster's web server that are neither GraphQL nor pages.

Upstream answers them in the event loop, where a large file, or an agent that is slow to answer,
stops everything; and it fails on what it does not expect.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from anyio import to_thread
from dagster._check import CheckError
from dagster_shared.error import DagsterError
from dagster_webserver.webserver import DagsterWebserver
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dagstead.engine.graphql_limits import check_depth, check_values
from dagstead.engine.workspace import DeploymentRequestContext, DeploymentWorkspace
from dagstead.errors import InvalidInputError
from dagstead.plane.texts import is_suspicious, require_storable_values

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_OUTPUTS = frozenset({"out", "err"})


class ReportedEvent(BaseModel):
    """What may be reported about an asset, in the body or in the address."""

    model_config = ConfigDict(strict=True)

    asset_key: list[str] | str | None = Field(None, min_length=1)
    data_version: str | None = None
    description: str | None = None
    partition: str | None = None
    check_name: str | None = None
    severity: str | None = None
    metadata: dict[str, JsonValue] | str | None = None
    passed: JsonValue = None


class Pages(DagsterWebserver[DeploymentWorkspace, DeploymentRequestContext]):
    """The open-source web server, with these answered in threads."""

    async def download_captured_logs_endpoint(self, request: Request) -> Response:
        """A file of captured output: ``/logs/RUN/compute_logs/STEP.err`` as parts of a key."""
        *log_key, extension = request.path_params["path"].split("/")
        if not log_key or extension not in _OUTPUTS or not all(map(_is_name, log_key)):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return await _in_thread(super().download_captured_logs_endpoint, request)

    async def download_debug_file_endpoint(self, request: Request) -> Response:
        """Everything about a run, in a file."""
        return await _in_thread(self._debug_file, request)

    async def _debug_file(self, request: Request) -> Response:
        with self.request_context(request) as context:
            if not context.instance.has_run(request.path_params["run_id"]):
                raise HTTPException(HTTPStatus.NOT_FOUND)
        response: Response = await super().download_debug_file_endpoint(request)
        return response

    async def download_notebook(self, request: Request) -> Response:
        """A notebook of a location, as its agent reads it."""
        if not {"repoLocName", "path"} <= request.query_params.keys():
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return await _in_thread(super().download_notebook, request)

    async def report_asset_materialization_endpoint(self, request: Request) -> JSONResponse:
        """Record that an asset was made elsewhere."""
        return await _report(super().report_asset_materialization_endpoint, request)

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        """Record what a check elsewhere has found."""
        return await _report(super().report_asset_check_endpoint, request)

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        """Record what was seen of an asset elsewhere."""
        return await _report(super().report_asset_observation_endpoint, request)


async def _in_thread(handler: Handler, request: Request) -> Response:
    return await to_thread.run_sync(lambda: asyncio.run(_awaited(handler, request)))


async def _awaited(handler: Handler, request: Request) -> Response:
    return await handler(request)


async def _report(handler: Handler, request: Request) -> JSONResponse:
    # The handler gets it from the request, which keeps it.
    body = await request.body()
    try:
        answer = await to_thread.run_sync(_reported, handler, request, body)
    except InvalidInputError as error:
        return _invalid(error.message)
    except (CheckError, DagsterError) as error:
        return _invalid(str(error))
    if not isinstance(answer, JSONResponse):
        raise TypeError(type(answer))
    return answer


def _reported(handler: Handler, request: Request, body: bytes) -> Response:
    _check_report(request, body)
    return asyncio.run(_awaited(handler, request))


def _check_report(request: Request, body: bytes) -> None:
    parameters = dict(request.query_params)
    _validated(parameters)
    key = parameters.get("asset_key")
    if key is not None and not _is_key(key):
        msg = "'asset_key' in the address is a JSON list of texts."
        raise InvalidInputError(msg)
    path = request.path_params.get("asset_key", "")
    if path and not any(path.split("/")):
        msg = "The address has an empty asset key."
        raise InvalidInputError(msg)
    if request.headers.get("content-type") == "application/json":
        _validated(_json_object(body))


def _json_object(body: bytes) -> Mapping[str, Any]:
    check_values(body)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        msg = "The body is not a JSON object."
        raise InvalidInputError(msg)
    check_depth(found)
    if is_suspicious(body):
        require_storable_values(found)
    return found


def _validated(fields: Mapping[str, Any]) -> None:
    try:
        ReportedEvent.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInputError(f"{place!r} cannot be used: {first['msg']}.") from error


def _is_key(text: str) -> bool:
    try:
        key = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(key, list) and bool(key) and all(isinstance(part, str) for part in key)


def _is_name(part: str) -> bool:
    return bool(part) and part not in {".", ".."}


def _invalid(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, HTTPStatus.BAD_REQUEST)
