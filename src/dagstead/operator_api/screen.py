"""Stands before a deployment's web server and refuses what is not offered, or not granted."""

from __future__ import annotations

from http import HTTPStatus

from anyio import CapacityLimiter, to_thread
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.control.actor import Actor
from dagstead.engine.webserver import OPERATION, Operation, is_for_page
from dagstead.errors import TooLargeError
from dagstead.operator_api.not_offered import refusal
from dagstead.operator_api.request import DocumentPlace, GraphQLRequest, read_request
from dagstead.operator_api.rights import require
from dagstead.operator_api.root_fields import root_fields
from dagstead.plane.tokens import Token


def screened(app: ASGIApp, limiter: CapacityLimiter) -> ASGIApp:
    """Wrap an application, so that it executes only what is harmless.

    Args:
        app: a deployment's.
        limiter: of the threads in which requests are read and judged.
    """

    async def screen(scope: Scope, receive: Receive, send: Send) -> None:
        token: Token | None = scope.get("state", {}).get("token")
        request = _graphql_request(scope, receive)
        if request is None:
            if token is not None:
                token.require_more_than_deploying("looking at its pages")
            await app(scope, receive, send)
            return
        sent = await request.body()
        judged = await to_thread.run_sync(_judged, request, sent, token, limiter=limiter)
        if isinstance(judged, Operation):
            await app({**scope, OPERATION: judged}, receive, send)
        else:
            await judged(scope, receive, send)

    return screen


def _graphql_request(scope: Scope, receive: Receive) -> Request | None:
    """The request, if it is one that has a document."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "POST"}:
        return None
    path: str = scope["path"]
    # There are pages of that name deeper down: of an asset, of a job.
    if path.split("/", 2)[2:] != ["graphql"]:
        return None
    request = Request(scope, receive)
    return None if is_for_page(request) else request


def _judged(request: Request, sent: bytes, token: Token | None) -> Operation | Response:
    """What to execute, or the refusal.

    Raises:
        DagsteadError: when the form of the request is wrong, or the token does not grant it.
    """
    if token is not None and request.method != "POST":
        token.require_more_than_deploying("a request that is not a POST")
    try:
        asked = read_request(request, sent)
    except TooLargeError as error:
        return _refused(error.message)
    if token is not None and asked.place is not DocumentPlace.JSON:
        token.require_more_than_deploying("a request that is not JSON")
    if isinstance(asked.document, GraphQLError):
        body = {"data": None, "errors": [asked.document.formatted]}
        return JSONResponse(body, HTTPStatus.BAD_REQUEST)
    return _judged_document(asked, asked.document, token)


def _judged_document(
    asked: GraphQLRequest, document: DocumentNode, token: Token | None
) -> Operation | Response:
    if token is not None:
        # Each is checked again when it is executed. Here nothing has been executed yet.
        actor = Actor.holding(token)
        for field in root_fields(document):
            require(actor, field)
    if asked.place is not DocumentPlace.JSON and not _only_queries(document):
        return _not_as_json(asked)
    sentence = refusal(document)
    if sentence is not None:
        return _refused(sentence)
    return Operation(
        text=asked.text,
        document=document,
        name=asked.operation_name,
        variables=asked.variables,
    )


def _only_queries(document: DocumentNode) -> bool:
    """Whether no operation of a document changes anything, whichever is picked by its name."""
    return all(
        definition.operation is OperationType.QUERY
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    )


def _not_as_json(asked: GraphQLRequest) -> Response:
    """Refuse what other sites' pages can make a browser send: links, images, plain forms."""
    message = (
        f"A document with a mutation or a subscription is not taken from {asked.place.value}. "
        "Send mutations by POST as JSON, and subscriptions over a websocket."
    )
    if asked.method == "POST":
        return _refused(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    return _refused(message, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})


def _refused(
    message: str, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    """A refusal in the form of GraphQL.

    Its status is 200 where an official client may meet it, as for every GraphQL answer: ``dg``
    shows only the number of any other.
    """
    body = {"data": None, "errors": [{"message": message}]}
    return JSONResponse(body, status, headers)
