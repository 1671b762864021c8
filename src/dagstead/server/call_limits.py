"""What the holder of one token may ask for at one time, and in a minute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.errors import BusyError
from dagstead.plane.tokens import Token
from dagstead.server.authentication import refuse
from dagstead.server.throttle import Throttle, TooManyError

#: Requests of one token that are answered at one time. All workers of an agent's runs may share its
#: token; what does not get a thread waits for one.
_MOST_REQUESTS = 500
#: A page of the UI has one.
_MOST_SOCKETS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLimits:
    """Counts the requests and sockets of every token."""

    throttle: Throttle
    most_requests: int = _MOST_REQUESTS
    most_sockets: int = _MOST_SOCKETS
    #: By the type of the connection and the token's id.
    _open: Counter[tuple[str, int]] = field(default_factory=Counter)

    def enter(self, kind: str, token: Token) -> None:
        """Count a request or a socket that begins.

        Raises:
            TooManyError: when its token has too many.
        """
        most = self.most_sockets if kind == "websocket" else self.most_requests
        if self._open[kind, token.id] >= most:
            what = "sockets" if kind == "websocket" else "requests"
            msg = (
                f"Token {token.name!r} has {most} {what} open, which is the most. Try again in a "
                "few seconds."
            )
            raise TooManyError(msg)
        self.throttle.count(str(token.id))
        self._open[kind, token.id] += 1

    def leave(self, kind: str, token: Token) -> None:
        """Count one that has ended."""
        self._open[kind, token.id] -= 1
        if not self._open[kind, token.id]:
            del self._open[kind, token.id]


class CallLimitMiddleware:
    """Answers 429 to the holder of a token that asks for too much."""

    def __init__(self, app: ASGIApp, limits: CallLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        token: Token | None = scope.get("state", {}).get("token")
        if token is None or scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._limits.enter(scope["type"], token)
        except BusyError as error:
            await refuse(error, scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._limits.leave(scope["type"], token)
