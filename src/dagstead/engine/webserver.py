"""The open-source web server of a deployment: UI and GraphQL under ``/{deployment}``."""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, TypeAlias

from anyio import to_thread
from dagster._check import CheckError
from dagster_graphql.implementation.utils import ErrorCapture
from dagster_shared.error import DagsterError
from dagster_webserver.graphql import _handle_async_results
from dagster_webserver.templates.graphiql import TEMPLATE
from graphene import Schema
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLFormattedError,
    execute,
    subscribe,
)
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, HTTPExceptionHandler
from starlette.websockets import WebSocket

from dagstead.engine.graphql_limits import parse_document
from dagstead.engine.pages import Pages
from dagstead.engine.sockets import GraphQLSocket, Subscription, SubscriptionCounts
from dagstead.engine.validation import ValidTexts
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.errors import DagsteadError, InvalidInputError, report_unexpected
from dagstead.store.away import away_of, raise_if_away

logger = logging.getLogger(__name__)

#: Adds what is ours to a page of the UI: for a request, the name of a deployment and the page.
Dress: TypeAlias = Callable[[Request, str, str], str]

#: The key of an ``Operation`` in the scope of its connection.
OPERATION = "dagstead.operation"

#: Errors whose message is for people.
_MEANT_FOR_PEOPLE = (DagsteadError, DagsterError, GraphQLError, CheckError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """The operation of a GraphQL request."""

    #: The text of the document.
    text: str
    document: DocumentNode
    #: Which operation of the document; ``None`` when it has only one.
    name: str | None = None
    variables: Mapping[str, Any] | None = None


def is_for_page(request: Request) -> bool:
    """Whether a request for the GraphQL path wants the GraphiQL page, and executes nothing."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _graphiql_policy() -> str:
    """What the GraphiQL page needs, and no more: its own files, and its one script in the page."""
    inline = re.findall(r"<script>(.*?)</script>", TEMPLATE, re.DOTALL)
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in inline
    )
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_GRAPHIQL_POLICY = _graphiql_policy()

#: Of the question with which agents begin; nobody else has it.
_AGENTS_ARGUMENT = "'deploymentNames'"
_AGENT_AS_USER = (
    "An agent asks this, and it came with a user token. Create an agent token with "
    "`dagstead token create --kind agent`, and set DAGSTER_CLOUD_AGENT_TOKEN to it."
)


@dataclass(frozen=True, slots=True)
class OperationExecutor:
    """Executes operations."""

    schema: Schema
    valid_texts: ValidTexts

    def answer(
        self, operation: Operation, context_of_request: Callable[[], AbstractContextManager[object]]
    ) -> Response:
        """Validate and execute an operation. It may wait for agents: call it in a thread."""
        errors = self.validation_errors(operation.text, operation.document)
        if errors:
            body = {"data": None, "errors": [_formatted(error) for error in errors]}
            return JSONResponse(body, HTTPStatus.BAD_REQUEST)
        captured: list[Exception] = []
        with context_of_request() as context, ErrorCapture.watch(captured.append):
            result = asyncio.run(self._execute(operation, context))
            answer: dict[str, object] = {"data": result.data}
            if result.errors:
                answer["errors"] = [_formatted(error) for error in result.errors]
            return JSONResponse(answer, _status(result, captured))

    def validation_errors(self, text: str, document: DocumentNode) -> Sequence[GraphQLError]:
        """What is wrong with a document."""
        errors = self.valid_texts.errors(self.schema.graphql_schema, text, document)
        if any(_AGENTS_ARGUMENT in each.message for each in errors):
            return (GraphQLError(_AGENT_AS_USER),)
        return errors

    async def _execute(self, operation: Operation, context: object) -> ExecutionResult:
        result = execute(
            self.schema.graphql_schema,
            operation.document,
            context_value=context,
            variable_values=dict(operation.variables or {}),
            operation_name=operation.name,
        )
        return result if isinstance(result, ExecutionResult) else await result


def _undressed(_request: Request, _name: str, page: str) -> str:
    return page


class DeploymentWebserver(Pages):
    """Serves one deployment with the operator schema.

    It executes the operation under ``OPERATION``, and never reads a document from the request: so
    it executes exactly what was checked before, whatever path or form the request has.
    """

    def __init__(
        self,
        workspace: DeploymentWorkspace,
        schema: Schema,
        valid_texts: ValidTexts,
        subscriptions: SubscriptionCounts,
        dress: Dress = _undressed,
    ) -> None:
        self._dress = dress
        self._name = workspace.name
        self._subscriptions = subscriptions
        self._schema_to_serve = schema
        self._executor = OperationExecutor(schema, valid_texts)
        super().__init__(workspace, app_path_prefix=f"/{workspace.name}")

    def build_graphql_schema(self) -> Schema:
        """The schema with the control plane's fields."""
        return self._schema_to_serve

    def index_html_endpoint(self, request: Request) -> Response:
        """The page of the UI, with what is ours."""
        page: Response = super().index_html_endpoint(request)
        html = self._dress(request, self._name, bytes(page.body).decode())
        own = {"content-length", "content-type"}
        kept = {name: value for name, value in page.headers.items() if name not in own}
        return HTMLResponse(html, status_code=page.status_code, headers=kept)

    async def graphql_http_endpoint(self, request: Request) -> Response:
        """Execute the operation of a request, or show GraphiQL."""
        operation = request.scope.get(OPERATION)
        if isinstance(operation, Operation):
            return await to_thread.run_sync(self._answer, request, operation)
        if is_for_page(request):
            page: Response = await super().graphql_http_endpoint(request)
            page.headers["Content-Security-Policy"] = _GRAPHIQL_POLICY
            return page
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)

    def _answer(self, request: Request, operation: Operation) -> Response:
        """Validate and execute, in a thread of its own, as most resolvers wait for something."""
        return self._executor.answer(operation, lambda: self.request_context(request))

    async def graphql_ws_endpoint(self, websocket: WebSocket) -> None:
        """Serve a socket with subscriptions."""

        async def start(
            wanted: Subscription,
        ) -> tuple[asyncio.Task[None] | None, GraphQLFormattedError | None]:
            return await self.execute_graphql_subscription(
                websocket, wanted.id, wanted.query, wanted.variables, wanted.operation_name
            )

        await GraphQLSocket(websocket, start, self._subscriptions).serve()

    async def execute_graphql_subscription(
        self,
        websocket: WebSocket,
        operation_id: str,
        query: str,
        variables: dict[str, Any] | None,
        operation_name: str | None,
    ) -> tuple[asyncio.Task[None] | None, GraphQLFormattedError | None]:
        """Start a subscription; returns its task, or why there is none.

        Upstream parses and validates in the event loop, which blocks all other requests.
        """
        try:
            document = await to_thread.run_sync(self._valid_document, query)
        except InvalidInputError as error:
            return None, {"message": error.message}
        except GraphQLError as error:
            return None, self.handle_graphql_errors([error])[0]
        # The first one of a deployment opens its storage.
        made = await to_thread.run_sync(self._make_request_context, websocket)
        with made as context:
            results = await subscribe(
                self._schema_to_serve.graphql_schema,
                document,
                context_value=context,
                variable_values=variables,
                operation_name=operation_name,
            )
        if isinstance(results, ExecutionResult):
            return None, self.handle_graphql_errors(results.errors or ())[0]
        # Upstream declares a generator, and iterates.
        sending = _handle_async_results(results, operation_id, websocket)  # type: ignore[arg-type]
        return asyncio.get_running_loop().create_task(sending), None

    def _valid_document(self, text: str) -> DocumentNode:
        document = parse_document(text)
        errors = self._executor.validation_errors(text, document)
        if errors:
            raise errors[0]
        return document

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLFormattedError]:
        """Errors as clients get them: upstream's form, without stacks.

        For an unexpected error they get only a reference to the server's log, as its message may
        contain SQL or paths.
        """
        return [_formatted(error) for error in errors]


def _status(result: ExecutionResult, captured: Sequence[Exception]) -> HTTPStatus:
    # This is the last step before the answer, and the only one that sees every error, also those
    # that resolvers return as data: clients would not send such a request again.
    for error in (*captured, *_causes(result.errors)):
        raise_if_away(error)
    # Upstream answers 500 for errors that are in the body already, even those of user code. Proxies
    # and alerts would take them for failures of the server.
    is_invalid = any(error.original_error is None for error in result.errors or ())
    return HTTPStatus.BAD_REQUEST if is_invalid and not captured else HTTPStatus.OK


def _causes(errors: Sequence[GraphQLError] | None) -> list[Exception]:
    causes = (error.original_error for error in errors or ())
    return [cause for cause in causes if cause is not None]


def _formatted(error: GraphQLError) -> GraphQLFormattedError:
    cause = error.original_error
    formatted = error.formatted
    away = None if cause is None else away_of(cause)
    if away is not None:
        formatted["message"] = away.message
    elif cause is not None and not isinstance(cause, _MEANT_FOR_PEOPLE):
        formatted["message"] = report_unexpected(cause, "GraphQL", logger)
    formatted.pop("extensions", None)
    if isinstance(cause, DagsteadError):
        # By this code our client distinguishes a mistake of the caller from a failure.
        formatted["extensions"] = {"code": type(cause).__name__}
    return formatted


def deployment_app(
    workspace: DeploymentWorkspace,
    schema: Schema,
    valid_texts: ValidTexts,
    subscriptions: SubscriptionCounts,
    refused: HTTPExceptionHandler,
    dress: Dress,
) -> ASGIApp:
    """The application for all paths below ``/{deployment}/``, that prefix included.

    Args:
        workspace: of the deployment.
        schema: of GraphQL.
        valid_texts: of that schema.
        subscriptions: of all deployments.
        refused: answers an error of ours that ends a request, such as that the deployment was
            removed in the meantime.
        dress: adds what is ours to its pages.
    """
    server = DeploymentWebserver(workspace, schema, valid_texts, subscriptions, dress)
    return server.create_asgi_app(exception_handlers={DagsteadError: refused})
