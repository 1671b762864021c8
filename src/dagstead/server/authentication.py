"""Who is calling: every request but a few public ones carries a token, or is refused here."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dagstead.console.assets import STATIC_PATH
from dagstead.control.actor import NOBODY, Actor
from dagstead.control.bell import Listener
from dagstead.control.recording import Recorder
from dagstead.control.tokens import TokenReader
from dagstead.errors import (
    BusyError,
    DagsteadError,
    ForbiddenError,
    StoreAwayError,
    UnauthenticatedError,
)
from dagstead.plane.blobs import BLOBS_PATH
from dagstead.plane.registry import REGISTRY_PATH
from dagstead.plane.tokens import Token, TokenKind
from dagstead.server.health import PATH, WHOLE_PATH
from dagstead.server.metrics.paths import PATHS as METRICS_PATHS
from dagstead.server.oidc import OIDC_PATH
from dagstead.server.own_address import OwnAddress, is_from_own_page, opens_page
from dagstead.server.replies import reply, wants_page
from dagstead.server.sessions import SessionCookies
from dagstead.server.sockets import POLICY_VIOLATION, WatchedSocket, close_reason
from dagstead.server.throttle import Throttle, TooManyError, address_of, client_of

#: Answered without a token: the health check, the places to sign in, and signed addresses,
#: which carry their own permission. The registry asks for a login in its own way.
PUBLIC_PATHS = frozenset({PATH, WHOLE_PATH, "/sign-in", OIDC_PATH})

#: What official agents and the official CLI send.
TOKEN_HEADER = "Dagster-Cloud-Api-Token"  # noqa: S105 - a header's name

#: Threads for checking tokens, apart from those in which requests wait for agents: however many
#: wait, the next caller is still recognised.
_THREADS = 8
_TRY_AGAIN_LATER = 1013

#: What is below that and no file of the pages needs a token, as everything else.
_STATIC = re.compile(re.escape(STATIC_PATH) + "[^/]+/[^/]+")

Listening = AbstractContextManager[Listener]


def is_public(path: str, method: str = "GET") -> bool:
    """Whether a path is answered without a token."""
    if path in PUBLIC_PATHS or path.startswith((BLOBS_PATH, REGISTRY_PATH)):
        return True
    return method in {"GET", "HEAD"} and _STATIC.fullmatch(path) is not None


def _is_public(scope: Scope) -> bool:
    return is_public(scope["path"], scope.get("method", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticator:
    """Finds the token of a connection."""

    tokens: TokenReader
    cookies: SessionCookies
    own: OwnAddress

    def known(self, connection: HTTPConnection) -> Token | None:
        """The token that a connection comes with, if that takes no time to find out."""
        secret = secret_of(connection)
        return self.tokens.known(secret, client_of(connection.scope)) if secret else None

    def token_of(self, connection: HTTPConnection) -> Token:
        """The token that a connection comes with.

        Raises:
            UnauthenticatedError: when there is none, or it is unknown, revoked or expired.
            ForbiddenError: when a foreign page uses the sign-in cookie.
        """
        secret = secret_of(connection)
        address = client_of(connection.scope)
        if secret:
            return self.tokens.of_secret(secret, address)
        session = self.cookies.secret(connection)
        if session is None:
            msg = (
                f"This needs a token. Send it in the header {TOKEN_HEADER}; create one with "
                "`dagstead token create`, or sign in at /sign-in."
            )
            raise UnauthenticatedError(msg)
        if not (opens_page(connection) or is_from_own_page(connection, self.own)):
            msg = (
                "This did not come from a page of this server, so the sign-in cookie does not "
                f"count. Programs send a token in the header {TOKEN_HEADER}."
            )
            raise ForbiddenError(msg)
        return self.cookies.sessions.holder(session, address)


class AuthenticationMiddleware:
    """Puts the caller's ``token`` and its ``base_url`` of this server in the state, or refuses."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        listen: Callable[[], Listening],
        failures: Throttle,
        recorder: Recorder,
        is_open: Callable[[Scope], bool],
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            authenticator: finds the token.
            listen: begins to hear that a token or a session has ended.
            failures: of callers whose token opens nothing, by their address. Others of the same
                address, such as a proxy's, are let in.
            recorder: of the trail.
            is_open: whether a request without a token needs none, for where it comes from.
        """
        self._app = app
        self._is_let_in = is_open
        self._recorder = recorder
        self._failures = failures
        self._authenticator = authenticator
        self._listen = listen
        self._limiter = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or _is_public(scope) or self._is_open(scope):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            token = self._authenticator.known(connection) or await self._token_of(connection)
            _require_metrics_path(token, scope["path"])
        except (UnauthenticatedError, ForbiddenError) as error:
            if isinstance(error, ForbiddenError):
                await note_refusal(error, scope, self._recorder)
            await refuse(self._counted(error, connection), scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["token"] = token
        state["address"] = client_of(scope)
        state["recorder"] = self._recorder
        state["base_url"] = self._authenticator.own.of(connection)
        if scope["type"] == "websocket":
            socket = WatchedSocket(receive, send, partial(self._token_of, connection))
            with self._listen() as listener:
                await socket.serve(self._app, scope, listener)
            return
        await self._app(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        return self._is_let_in(scope) and secret_of(HTTPConnection(scope)) is None

    async def _token_of(self, connection: HTTPConnection) -> Token:
        return await to_thread.run_sync(
            self._authenticator.token_of, connection, limiter=self._limiter
        )

    def _counted(self, error: DagsteadError, connection: HTTPConnection) -> DagsteadError:
        # A browser that has no token, or no longer, has guessed nothing.
        if isinstance(error, UnauthenticatedError) and secret_of(connection):
            try:
                self._failures.count(address_of(connection.scope))
            except TooManyError as too_many:
                return too_many
        return error


def _require_metrics_path(token: Token, path: str) -> None:
    if token.kind is TokenKind.METRICS and path not in METRICS_PATHS:
        raise ForbiddenError(
            f"Token {token.name!r} is {token.kind.described}, which opens "
            f"{' and '.join(sorted(METRICS_PATHS))}, and nothing else."
        )


async def note_refusal(
    error: DagsteadError, scope: Scope, recorder: Recorder | None = None
) -> None:
    """Have the trail say that something was refused, unless an act has done so."""
    state = scope.get("state", {})
    recorder = recorder or state.get("recorder")
    if recorder is None or error.is_recorded or not isinstance(error, ForbiddenError):
        return
    token: Token | None = state.get("token")
    address = client_of(scope)
    actor = replace(NOBODY, address=address) if token is None else Actor.holding(token, address)
    await to_thread.run_sync(recorder.refused, actor, "server.request", error, None, scope["path"])


async def refuse(error: DagsteadError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error; a browser that needs to sign in is sent to the page for that."""
    if scope["type"] == "websocket":
        is_for_now = isinstance(error, StoreAwayError | BusyError)
        code = _TRY_AGAIN_LATER if is_for_now else POLICY_VIOLATION
        await WebSocketClose(code=code, reason=close_reason(error.message))(scope, receive, send)
        return
    if isinstance(error, UnauthenticatedError) and wants_page(HTTPConnection(scope)):
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1")).rstrip("?")
        response = RedirectResponse(f"/sign-in?next={quote(target, safe='')}", status_code=303)
        await response(scope, receive, send)
        return
    await reply(error, scope)(scope, receive, send)


def secret_of(connection: HTTPConnection) -> str | None:
    """The token that a program sends; a browser's cookie is none."""
    given = connection.headers.get(TOKEN_HEADER)
    if given:
        return given.strip()
    kind, _, credentials = connection.headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if kind.lower() == "bearer" else None
