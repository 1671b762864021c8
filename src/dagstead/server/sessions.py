"""The cookie of a session: it holds a secret of which the server has only the hash."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from dagstead.control.sign_ins import Sessions
from dagstead.plane.tokens import Token
from dagstead.server.own_address import OwnAddress
from dagstead.server.throttle import client_of

COOKIE = "dagstead_session"
#: Browsers take a cookie of this name only over TLS and for this host alone, so that no other site
#: below the same domain can plant one.
HOST_COOKIE = f"__Host-{COOKIE}"

_DAY_SECONDS = 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionCookies:
    """Sets, reads and removes it."""

    sessions: Sessions
    own: OwnAddress
    days: int

    def secret(self, connection: HTTPConnection) -> str | None:
        """What the cookie of a request holds."""
        given = connection.cookies.get(HOST_COOKIE)
        if given is None and not self.own.is_secure(connection):
            given = connection.cookies.get(COOKIE)
        return given

    def begin(self, connection: HTTPConnection, token: Token) -> str:
        """The secret of a new session."""
        seconds = self.days * _DAY_SECONDS
        return self.sessions.begin(token, seconds, client_of(connection.scope)).secret

    def end(self, connection: HTTPConnection) -> None:
        """End the session of a request, if it has one."""
        secret = self.secret(connection)
        if secret is not None:
            self.sessions.end(secret, client_of(connection.scope))

    def set(self, response: Response, connection: HTTPConnection, secret: str) -> None:
        """Have the browser keep a session."""
        is_secure = self.own.is_signed_in_securely(connection)
        response.set_cookie(
            HOST_COOKIE if is_secure else COOKIE,
            secret,
            max_age=self.days * _DAY_SECONDS,
            path="/",
            secure=is_secure,
            httponly=True,
            # Not strict: links to a run, in a chat or a pull request, would ask people who are
            # signed in to do it again. What lax sends more is a GET that opens a page, and no GET
            # changes anything: `Authenticator` and the screen of GraphQL see to that.
            samesite="lax",
        )

    def remove(self, response: Response) -> None:
        """Have the browser forget it, under either name."""
        for name in (HOST_COOKIE, COOKIE):
            response.delete_cookie(
                name, path="/", secure=name == HOST_COOKIE, httponly=True, samesite="lax"
            )
