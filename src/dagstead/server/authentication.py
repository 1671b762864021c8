"""Who is calling: every request but a few public ones carries a token, or is refused here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dagstead.control.tokens import TokenReader
from dagstead.errors import (
    BusyError,
    DagsteadError,
    ForbiddenError,
    StoreAwayError,
    UnauthenticatedError,
)
from dagstead.plane.blobs import BLOBS_PATH
from dagstead.plane.tokens import Token
from dagstead.server.health import PATH, WHOLE_PATH
from dagstead.server.oidc import OIDC_PATH
from dagstead.server.replies import is_graphql, reply
from dagstead.server.sessions import COOKIE, Sessions
from dagstead.server.throttle import Throttle, TooManyError, address_of

#: Answered without a token: the health check, the places to sign in, and signed addresses,
#: which carry their own permission.
PUBLIC_PATHS = frozenset({PATH, WHOLE_PATH, "/sign-in", OIDC_PATH})

#: What official agents and the official CLI send.
TOKEN_HEADER = "Dagster-Cloud-Api-Token"  # noqa: S105 - a header's name

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Threads for checking tokens, apart from those in which requests wait for agents: however many
#: wait, the next caller is still recognised.
_THREADS = 8
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013

#: A name or an address, with a port or without.
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:]+\])(?::\d+)?", re.IGNORECASE | re.ASCII)


def is_public(path: str) -> bool:
    """Whether a path is answered without a token."""
    return path in PUBLIC_PATHS or path.startswith(BLOBS_PATH)


@dataclass(frozen=True, kw_only=True, slots=True)
class Authenticator:
    """Finds the token of a connection."""

    tokens: TokenReader
    sessions: Sessions
    #: The address that browsers use, for comparing where a request comes from.
    base_url: str
    #: Whether it was set: then every caller uses it.
    has_public_url: bool = False

    def address(self, connection: HTTPConnection) -> str:
        """The address under which a caller reaches this server, for addresses in the answers.

        Without a public address in the settings it is the one that was called: in Docker, agents
        and people on the machine have different names for the same server.
        """
        host = connection.headers.get("host", "")
        if self.has_public_url or not _HOST.fullmatch(host):
            return self.base_url
        scheme = "https" if connection.url.scheme in {"https", "wss"} else "http"
        return f"{scheme}://{host}"

    def token_of(self, connection: HTTPConnection) -> Token:
        """The token that a connection comes with.

        Raises:
            UnauthenticatedError: when there is none, or it is unknown, revoked or expired.
            ForbiddenError: when a foreign page uses the sign-in cookie.
        """
        secret = secret_of(connection)
        if secret:
            return self.tokens.of_secret(secret)
        cookie = connection.cookies.get(COOKIE)
        if cookie is None:
            msg = (
                f"This needs a token. Send it in the header {TOKEN_HEADER}; create one with "
                "`dagstead token create`, or sign in at /sign-in."
            )
            raise UnauthenticatedError(msg)
        token = self.tokens.of_signed_id(self.sessions.token_id(cookie))
        self._require_same_origin(connection)
        return token

    def _require_same_origin(self, connection: HTTPConnection) -> None:
        """Refuse changes, sockets and GraphQL that a page of another site asks for."""
        if _opens_page(connection):
            return
        if not is_same_origin(connection, self.base_url):
            msg = (
                "This came from a page of another site, so the sign-in cookie does not count. "
                f"Programs send a token in the header {TOKEN_HEADER}."
            )
            raise ForbiddenError(msg)


class AuthenticationMiddleware:
    """Puts the caller's ``token`` and its ``base_url`` of this server in the state, or refuses."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator, failures: Throttle) -> None:
        """Wrap ``app``.

        Args:
            app: what to call.
            authenticator: finds the token.
            failures: of callers whose token opens nothing, by their address. Others of the same
                address, such as a proxy's, are let in.
        """
        self._app = app
        self._failures = failures
        self._authenticator = authenticator
        self._limiter = CapacityLimiter(_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or is_public(scope["path"]):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            token = await to_thread.run_sync(
                self._authenticator.token_of, connection, limiter=self._limiter
            )
        except (UnauthenticatedError, ForbiddenError) as error:
            await refuse(self._counted(error, connection), scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["token"] = token
        state["base_url"] = self._authenticator.address(connection)
        await self._app(scope, receive, send)

    def _counted(self, error: DagsteadError, connection: HTTPConnection) -> DagsteadError:
        # A browser that has no token, or no longer, has guessed nothing.
        if isinstance(error, UnauthenticatedError) and secret_of(connection):
            try:
                self._failures.count(address_of(connection.scope))
            except TooManyError as too_many:
                return too_many
        return error


async def refuse(error: DagsteadError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with an error; a browser that needs to sign in is sent to the page for that."""
    if scope["type"] == "websocket":
        code = (
            _TRY_AGAIN_LATER if isinstance(error, StoreAwayError | BusyError) else _POLICY_VIOLATION
        )
        await WebSocketClose(code=code, reason=error.message[:120])(scope, receive, send)
        return
    if isinstance(error, UnauthenticatedError) and _wants_page(HTTPConnection(scope)):
        target = scope["path"] + ("?" + scope["query_string"].decode("latin-1")).rstrip("?")
        response = RedirectResponse(f"/sign-in?next={quote(target, safe='')}", status_code=303)
        await response(scope, receive, send)
        return
    await reply(error, scope)(scope, receive, send)


def is_same_origin(connection: HTTPConnection, base_url: str) -> bool:
    """Whether a browser's request comes from one of this server's own pages."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") == "same-origin"
    own = urlsplit(base_url)
    return origin == f"{own.scheme}://{own.netloc}" or (
        urlsplit(origin).netloc == connection.headers.get("host")
    )


def _opens_page(connection: HTTPConnection) -> bool:
    """Whether a link on any site may lead here: it shows something, and executes nothing."""
    scope = connection.scope
    is_safe = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
    # GraphiQL is a page at an address of GraphQL.
    return is_safe and (not is_graphql(scope) or _wants_page(connection))


def secret_of(connection: HTTPConnection) -> str | None:
    """The token that a program sends; a browser's cookie is none."""
    given = connection.headers.get(TOKEN_HEADER)
    if given:
        return given.strip()
    kind, _, credentials = connection.headers.get("authorization", "").partition(" ")
    return credentials.strip() or None if kind.lower() == "bearer" else None


def _wants_page(connection: HTTPConnection) -> bool:
    return connection.scope["method"] == "GET" and "text/html" in connection.headers.get(
        "accept", ""
    )
