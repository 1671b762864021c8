"""Stands before a deployment's web server and refuses what is not offered, or not granted."""

from __future__ import annotations

import json

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.operator_api.deploying import require_deploying
from dagstead.operator_api.not_offered import refusal
from dagstead.plane.tokens import Token


def screened(app: ASGIApp) -> ASGIApp:
    """The application, with GraphQL documents of other offers refused before it sees them.

    The refusal has status 200, as every GraphQL answer: ``dg`` shows only the number of any other.
    """

    async def screen(scope: Scope, receive: Receive, send: Send) -> None:
        token: Token | None = scope.get("state", {}).get("token")
        if not _is_graphql_post(scope):
            if token is not None:
                token.require_more_than_deploying("looking at its pages")
            await app(scope, receive, send)
            return
        body = await _body(receive)
        document = _document(body)
        if token is not None and token.locations is not None:
            if not document or "application/json" not in Headers(scope=scope).get(
                "content-type", ""
            ):
                # Open-source Dagster looks for the document elsewhere, then.
                token.require_more_than_deploying("a request that is not JSON")
            require_deploying(token, document)
        sentence = refusal(document)
        if sentence is None:
            await app(scope, _replay(body, receive), send)
            return
        response = JSONResponse({"data": None, "errors": [{"message": sentence}]})
        await response(scope, receive, send)

    return screen


def _is_graphql_post(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    path: str = scope["path"]
    return path.endswith("/graphql")


async def _body(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _document(body: bytes) -> str:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    query = request.get("query") if isinstance(request, dict) else None
    return query if isinstance(query, str) else ""
