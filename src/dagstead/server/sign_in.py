"""``/sign-in`` and ``/sign-out``: a user token, or a link that works once, begins a session."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from jinja2 import Environment, PackageLoader
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dagstead.control.tokens import TokenReader
from dagstead.errors import (
    DagsteadError,
    ForbiddenError,
    InvalidInputError,
    StoreAwayError,
    UnauthenticatedError,
)
from dagstead.plane.tokens import IssuedToken, Token, TokenKind
from dagstead.server.own_address import OwnAddress, is_from_own_page
from dagstead.server.sessions import SessionCookies
from dagstead.server.throttle import client_of

logger = logging.getLogger(__name__)

_HOME = "/"
#: What browsers drop from, or read as a slash in, an address.
_TRICKS = re.compile(r"[\x00-\x20\x7f\\]")


def _templates() -> Environment:
    return Environment(loader=PackageLoader("dagstead.server"), autoescape=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Form:
    """What the form of the page sends."""

    #: Where to go afterwards.
    target: str
    token: str = ""
    #: The secret part of a link, and who uses it.
    link: str = ""
    name: str = ""
    #: The token that the person has seen to be signed in.
    replaces: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """The pages."""

    tokens: TokenReader
    cookies: SessionCookies
    own: OwnAddress
    organization: str
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
        form = _Form(target=safe_target(request.query_params.get("next")))
        return self._form_page(request, form, await self._current(request))

    async def sign_in(self, request: Request) -> Response:
        """Begin a session for the token that was pasted, or for a link."""
        try:
            form = await _read(request)
        except InvalidInputError as error:
            return self._form_page(request, _Form(target=_HOME), None, error.message)
        current = await self._current(request)
        try:
            if not is_from_own_page(request, self.own):
                msg = "This form was sent from another site. Open /sign-in and paste the token."
                raise ForbiddenError(msg)
            if form.link:
                return await to_thread.run_sync(self._use_link, request, form, current)
            return await to_thread.run_sync(self._use_token, request, form, current)
        except StoreAwayError:
            raise
        except DagsteadError as error:
            # A link that does not work is not tried again; a name can be corrected.
            is_lost = isinstance(error, ForbiddenError)
            kept = replace(form, token="", link="" if is_lost else form.link)
            return self._form_page(request, kept, current, error.message)

    async def sign_out_page(self, _request: Request) -> Response:
        """Ask: a link on another site must not sign anybody out."""
        return self._page("Sign out", page="sign_out.html")

    async def sign_out(self, request: Request) -> Response:
        """End the session, and drop the cookie; `Authenticator` knows that our own page asks."""
        await to_thread.run_sync(self.cookies.end, request)
        response = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
        self.cookies.remove(response)
        return response

    async def _current(self, request: Request) -> Token | None:
        """The token of the session that the browser has."""
        secret = self.cookies.secret(request)
        if secret is None:
            return None
        try:
            return await to_thread.run_sync(self.cookies.sessions.holder, secret)
        except UnauthenticatedError:
            return None

    def _use_token(self, request: Request, form: _Form, current: Token | None) -> Response:
        token = self._user_token(form.token, client_of(request.scope))
        if _must_ask(form, current, token):
            return self._form_page(request, form, current, offered=token)
        response = RedirectResponse(form.target, status_code=HTTPStatus.SEE_OTHER)
        self._begin(request, response, token)
        return response

    def _use_link(self, request: Request, form: _Form, current: Token | None) -> Response:
        if _must_ask(form, current, None):
            return self._form_page(request, form, current)
        issued = self.cookies.sessions.use_link(
            form.link, form.name.strip(), self.organization, client_of(request.scope)
        )
        response = self._welcome(request, form, issued)
        self._begin(request, response, issued.token)
        return response

    def _begin(self, request: Request, response: Response, token: Token) -> None:
        self.cookies.end(request)
        self.cookies.set(response, request, self.cookies.begin(request, token))
        logger.info("A browser was signed in with token %d %r", token.id, token.name)

    def _user_token(self, secret: str, address: str) -> Token:
        token = self.tokens.of_secret(secret, address)
        if token.kind is not TokenKind.USER:
            msg = (
                f"Token {token.name!r} is an agent token, and people sign in with a user token. "
                "Create one with `dagstead token create --kind user`."
            )
            raise ForbiddenError(msg)
        return token

    def _form_page(
        self,
        request: Request,
        form: _Form,
        current: Token | None,
        error: str | None = None,
        *,
        offered: Token | None = None,
    ) -> HTMLResponse:
        return self._page(
            "Sign in",
            page="sign_in.html",
            form=form,
            current=current,
            offered=offered,
            error=error,
            better_address=self.own.better_address(request),
            is_open=self.own.is_open_to_listeners(request),
        )

    def _welcome(self, request: Request, form: _Form, issued: IssuedToken) -> HTMLResponse:
        return self._page(
            "Welcome",
            page="welcome.html",
            issued=issued,
            expires=_day(issued.token.expires_at),
            target=form.target,
            url=self.own.of(request),
            organization=self.organization,
        )

    def _page(
        self, title: str, *, page: str, error: str | None = None, **values: Any
    ) -> HTMLResponse:
        nonce = secrets.token_urlsafe(16)
        status = HTTPStatus.FORBIDDEN if error else HTTPStatus.OK
        html = self._pages.get_template(page).render(
            title=title, nonce=nonce, error=error, **values
        )
        return HTMLResponse(html, status_code=status, headers=_page_headers(nonce))


def _must_ask(form: _Form, current: Token | None, token: Token | None) -> bool:
    """Whether somebody would be signed in as another person without having seen it."""
    if current is None or (token is not None and token.id == current.id):
        return False
    return form.replaces != str(current.id)


def _day(seconds: float | None) -> str | None:
    """The day of a time, in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC).date().isoformat()


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
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store"}


async def _read(request: Request) -> _Form:
    try:
        form = await request.form()
    except HTTPException as error:
        msg = "The form cannot be read. Open /sign-in and paste the token."
        raise InvalidInputError(msg) from error
    return _Form(
        target=safe_target(_text(form, "next")),
        token=_text(form, "token").strip(),
        link=_text(form, "link").strip(),
        name=_text(form, "name"),
        replaces=_text(form, "replaces"),
    )


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
