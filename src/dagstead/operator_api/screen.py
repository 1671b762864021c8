"""Stands before a deployment's web server and refuses what is not offered."""

from __future__ import annotations

import json

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.operator_api.not_offered import refusal


def screened(app: ASGIApp) -> ASGIApp:
    """The application, with GraphQL documents of other offers refused before it sees them.

    The refusal has status 200, as every GraphQL answer: ``dg`` shows only the number of any other.
    """

    async def screen(scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_graphql_post(scope):
            await app(scope, receive, send)
            return
        body = await _body(receive)
        sentence = refusal(_document(body))
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
