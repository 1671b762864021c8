"""The paths of this room, for the server to mount."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.agent_api.answers import upload_api_response
from dagstead.agent_api.artifacts import gen_artifact_get, gen_artifact_post
from dagstead.agent_api.blobs import BlobEndpoint
from dagstead.agent_api.definitions import (
    check_snapshot,
    code_location_update_result,
    confirm_upload,
    upload_job_snapshot,
    upload_workspace_entry,
)
from dagstead.agent_api.events import store_events
from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import Executor
from dagstead.agent_api.graphql.roots import agent_executor
from dagstead.agent_api.held_calls import EmptyAnswer
from dagstead.agent_api.logs import gen_logs_url
from dagstead.agent_api.rest import Endpoint, Handler, Payload, endpoint
from dagstead.agent_api.server_logs import take_server_log
from dagstead.agent_api.services import AgentServices, Audience, Caller
from dagstead.agent_api.workers import keep_worker_tokens, mint_worker_token
from dagstead.engine.graphql_limits import check_values

_AGENT_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/check_snapshot", check_snapshot),
    ("PUT", "/confirm_upload", confirm_upload),
    ("PUT", "/code_location_update_result", code_location_update_result),
    ("PUT", "/upload_workspace_entry", upload_workspace_entry),
    ("PUT", "/upload_job_snapshot", upload_job_snapshot),
    ("PUT", "/upload_api_response", upload_api_response),
    ("POST", "/worker_tokens", mint_worker_token),
    ("PUT", "/worker_tokens", keep_worker_tokens),
    ("PUT", "/server_log", take_server_log),
)

_CODE_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/store_events", store_events),
    ("GET", "/gen_logs_url", gen_logs_url),
)

#: What user code says in its events is stored as it is: in JSON, which both databases take. A run
#: must not fail by a byte that it logs.
_OF_RUNS = frozenset({"userMessage", "message", "stack"})

_SHARED_ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/gen_artifact_get", gen_artifact_get),
    ("POST", "/gen_artifact_post", gen_artifact_post),
    ("POST", "/{deployment}/gen_artifact_get", gen_artifact_get),
    ("POST", "/{deployment}/gen_artifact_post", gen_artifact_post),
)


def agent_routes(services: AgentServices) -> list[Route]:
    """REST endpoints for agents, and the few that the CLI shares with them."""
    return [
        *(_route(services, *route, Audience.AGENTS) for route in _AGENT_ENDPOINTS),
        *(_route(services, *route, Audience.CODE) for route in _CODE_ENDPOINTS),
        *(_route(services, *route, Audience.EVERYBODY) for route in _SHARED_ENDPOINTS),
    ]


def blob_routes(services: AgentServices, *, spool: Path, max_bytes: int) -> list[Route]:
    """Signed file addresses; these need no token.

    Args:
        services: of this room.
        spool: a folder for uploads under way, on the disk of the files.
        max_bytes: of one file.
    """
    blobs = BlobEndpoint(services, spool, max_bytes)

    async def serve(request: Request) -> Response:
        return await blobs(request)

    return [Route("/blobs/{key:path}", serve, methods=["GET", "PUT", "POST"])]


def agent_graphql(services: AgentServices) -> Endpoint:
    """The endpoint for ``POST /graphql`` with the token of an agent, or of code in a pool."""
    return endpoint(_graphql(agent_executor()), services, Audience.CODE)


def _graphql(executor: Executor[AgentContext]) -> Handler:
    def answer(caller: Caller, payload: Payload) -> Response | EmptyAnswer:
        check_values(payload.body)
        body = payload.json(passed_over=_OF_RUNS)
        variables = body.get("variables")
        operation = body.get("operationName")
        context = AgentContext(caller)
        result = executor.execute(
            str(body.get("query", "")),
            variables if isinstance(variables, dict) else {},
            operation if isinstance(operation, str) else None,
            context,
        )
        response = JSONResponse(result)
        # A document may ask for several things; agents send none that polls and asks besides.
        poll = context.held[0] if len(context.held) == 1 else None
        return response if poll is None else EmptyAnswer(response=response, poll=poll)

    return answer


def _route(
    services: AgentServices, method: str, path: str, handler: Handler, audience: Audience
) -> Route:
    return Route(path, endpoint(handler, services, audience), methods=[method])
