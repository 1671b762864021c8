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
from dagster import AssetKey
from dagster._check import CheckError
from dagster._core.workspace.permissions import Permissions
from dagster_shared.error import DagsterError
from dagster_webserver.external_assets import (
    _asset_key_from_request,
    handle_report_asset_check_request,
    handle_report_asset_materialization_request,
    handle_report_asset_observation_request,
)
from dagster_webserver.webserver import DagsterWebserver
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dagstead.control.recording import SurfaceAct
from dagstead.engine.graphql_limits import check_depth, check_values
from dagstead.engine.workspace import DeploymentRequestContext, DeploymentWorkspace
from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.plane.roles import Permission
from dagstead.plane.texts import is_suspicious, require_storable_values

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Reporter: TypeAlias = Callable[[DeploymentRequestContext, Request], Awaitable[JSONResponse]]

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
        return await self._report(
            "materialization", handle_report_asset_materialization_request, request
        )

    async def report_asset_check_endpoint(self, request: Request) -> JSONResponse:
        """Record what a check elsewhere has found."""
        return await self._report("check", handle_report_asset_check_request, request)

    async def report_asset_observation_endpoint(self, request: Request) -> JSONResponse:
        """Record what was seen of an asset elsewhere."""
        return await self._report("observation", handle_report_asset_observation_request, request)

    async def _report(self, kind: str, reporter: Reporter, request: Request) -> JSONResponse:
        # The reporter gets it from the request, which keeps it.
        body = await request.body()
        try:
            return await to_thread.run_sync(self._reported, kind, reporter, request, body)
        except InvalidInputError as error:
            return _invalid(error.message)
        except (CheckError, DagsterError) as error:
            return _invalid(str(error))

    def _reported(
        self, kind: str, reporter: Reporter, request: Request, body: bytes
    ) -> JSONResponse:
        fields = _checked_report(request, body)
        key: AssetKey | None = _asset_key_from_request("asset_key", request, fields)
        with self.request_context(request) as context:
            recorder, actor, place = context.control.recorder, context.actor, context.deployment
            act, named = f"assets.report_{kind}", None if key is None else _named(key)
            try:
                _require_right(context, key)
            except ForbiddenError as error:
                recorder.refused(actor, act, error, place.name, named)
                return JSONResponse({"error": error.message}, HTTPStatus.UNAUTHORIZED)
            with recorder.doing(actor, act, place.name, named) as doing:
                return _answer_of(reporter, context, request, doing)


def _require_right(context: DeploymentRequestContext, key: AssetKey | None) -> None:
    needed = Permissions.REPORT_RUNLESS_ASSET_EVENTS
    # A role at the location that has the asset is enough.
    if key is None or not context.has_permission_for_selector(needed, key):
        context.actor.require_permission(Permission.CHANGE_DATA, context.deployment)


def _answer_of(
    reporter: Reporter, context: DeploymentRequestContext, request: Request, doing: SurfaceAct
) -> JSONResponse:
    try:
        answer = asyncio.run(_awaited_report(reporter, context, request))
    except (CheckError, DagsterError) as error:
        answer = _invalid(str(error))
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        doing.failed(json.loads(bytes(answer.body))["error"])
    return answer


async def _awaited_report(
    reporter: Reporter, context: DeploymentRequestContext, request: Request
) -> JSONResponse:
    return await reporter(context, request)


def _named(key: AssetKey) -> str:
    return f"asset {key.to_user_string()}"


async def _in_thread(handler: Handler, request: Request) -> Response:
    return await to_thread.run_sync(lambda: asyncio.run(_awaited(handler, request)))


async def _awaited(handler: Handler, request: Request) -> Response:
    return await handler(request)


def _checked_report(request: Request, body: bytes) -> Mapping[str, Any]:
    """The fields of a body."""
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
    if request.headers.get("content-type") != "application/json":
        # The reporter refuses a body of another kind.
        return {}
    fields = _json_object(body)
    _validated(fields)
    return fields


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
