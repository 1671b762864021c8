"""Takes part in the traces of people's and CI's commands: those send a header with their calls."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.traces import Tracer

_HEADER = "traceparent"


class TracingMiddleware:
    """Reports a span for every request of a user that belongs to a trace, and for no other.

    Agents poll several times a second; their part is reported with the request that they answer.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        parent = self._parent(scope)
        if parent is None:
            await self._app(scope, receive, send)
            return
        with self._tracer.during(
            f"{scope['method']} {scope['path']}",
            parent,
            **{"http.request.method": scope["method"], "url.path": scope["path"]},
        ):
            await self._app(scope, receive, send)

    def _parent(self, scope: Scope) -> str | None:
        if not self._tracer.is_on or scope["type"] != "http":
            return None
        token: Token | None = scope.get("state", {}).get("token")
        if token is None or token.kind is not TokenKind.USER:
            return None
        return HTTPConnection(scope).headers.get(_HEADER)
