"""Refuses addresses and headers with the character U+0000, before anything reads them."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.plane.texts import UnstorableTextError
from dagstead.server.authentication import refuse


class TextDoorMiddleware:
    """Answers 400; bodies are looked at where they are read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "lifespan" and _has_nul(scope):
            await refuse(UnstorableTextError(), scope, receive, send)
            return
        await self._app(scope, receive, send)


def _has_nul(scope: Scope) -> bool:
    query: bytes = scope["query_string"]
    return (
        "\0" in scope["path"]
        or b"%00" in query
        or b"\0" in query
        or any(b"\0" in value for _, value in scope["headers"])
    )
