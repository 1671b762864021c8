"""``/sign-in`` and ``/sign-out``: a user token is exchanged for a cookie that holds only its id."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from anyio import to_thread
from jinja2 import Environment, PackageLoader
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dagstead.control.tokens import TokenReader
from dagstead.errors import DagsteadError, ForbiddenError, InvalidInputError, StoreAwayError
from dagstead.plane.tokens import Token, TokenKind
from dagstead.server.authentication import is_same_origin
from dagstead.server.sessions import COOKIE, Sessions

_HOME = "/"
#: What browsers drop from, or read as a slash in, an address.
_TRICKS = re.compile(r"[\x00-\x20\x7f\\]")


def _templates() -> Environment:
    return Environment(loader=PackageLoader("dagstead.server"), autoescape=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """The pages."""

    tokens: TokenReader
    sessions: Sessions
    base_url: str
    _pages: Environment = field(default_factory=_templates)

    def routes(self) -> list[Route]:
        """Where the pages are."""
        return [
            Route("/sign-in", self.page, methods=["GET"]),
            Route("/sign-in", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out_page, methods=["GET"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The form."""
        return self._page("Sign in", next=safe_target(request.query_params.get("next")))

    async def sign_in(self, request: Request) -> Response:
        """Check the token that was pasted, and set the cookie."""
        form = await _form(request)
        target = safe_target(_text(form, "next"))
        try:
            if not is_same_origin(request, self.base_url):
                msg = "This form was sent from another site. Open /sign-in and paste the token."
                raise ForbiddenError(msg)
            secret = _text(form, "token").strip()
            token = await to_thread.run_sync(self._user_token, secret)
        except StoreAwayError:
            raise
        except DagsteadError as error:
            return self._page(
                "Sign in", next=target, error=error.message, status=HTTPStatus.FORBIDDEN
            )
        response = RedirectResponse(target, status_code=HTTPStatus.SEE_OTHER)
        response.set_cookie(
            COOKIE,
            self.sessions.issue(token),
            max_age=self.sessions.max_age_seconds,
            secure=self.base_url.startswith("https:"),
            httponly=True,
            # Not strict: links to a run, in a chat or a pull request, would ask people who are
            # signed in to do it again. What lax sends more is a GET that opens a page, and no GET
            # changes anything: `Authenticator` and the screen of GraphQL see to that.
            samesite="lax",
        )
        return response

    async def sign_out_page(self, _request: Request) -> Response:
        """Ask: a link on another site must not sign anybody out."""
        return self._page("Sign out", signing_out=True)

    async def sign_out(self, _request: Request) -> Response:
        """Drop the cookie."""
        response = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    def _user_token(self, secret: str) -> Token:
        token = self.tokens.of_secret(secret)
        if token.kind is not TokenKind.USER:
            msg = (
                f"Token {token.name!r} is an agent token, and people sign in with a user token. "
                "Create one with `dagstead token create --kind user`."
            )
            raise ForbiddenError(msg)
        return token

    def _page(
        self, title: str, *, status: HTTPStatus = HTTPStatus.OK, **values: object
    ) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        html = self._pages.get_template("sign_in.html").render(title=title, nonce=nonce, **values)
        return HTMLResponse(html, status_code=status, headers=_page_headers(nonce))


def safe_target(target: str | None) -> str:
    """Where to go after signing in: a path of this server, whatever was asked for."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return _HOME
    parts = urlsplit(target)
    is_elsewhere = bool(parts.scheme or parts.netloc or _TRICKS.search(target))
    return _HOME if is_elsewhere or parts.path in {"/sign-in", "/sign-out"} else target


def _page_headers(nonce: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # Not no-referrer: that makes browsers send `Origin: null` with the form.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


async def _form(request: Request) -> FormData:
    try:
        return await request.form()
    except HTTPException as error:
        msg = "The form cannot be read. Open /sign-in and paste the token."
        raise InvalidInputError(msg) from error


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
