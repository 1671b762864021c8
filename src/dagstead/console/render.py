"""Templates, and what every page has: the frame, the policy of the browser, and who looks."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dagstead.console import words
from dagstead.console.assets import Assets
from dagstead.console.links import Links
from dagstead.control.actor import Actor

#: The theme that somebody has chosen; without it the system's counts.
THEME_COOKIE = "dagstead_theme"
THEMES = ("light", "dark")
#: What an act has done, for the page that follows it.
NOTE_COOKIE = "dagstead_note"
_LEAST_TO_PACK = 1500


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What is around every page."""

    actor: Actor
    #: As this browser reaches the server.
    base_url: str
    organization: str


def environment(clock: Callable[[], float]) -> Environment:
    """Where templates are found, and the words in which they write values."""
    made = Environment(
        loader=PackageLoader("dagstead.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        age=lambda seconds: words.age(seconds, clock()),
        asked=words.asked,
        moment=words.moment,
        took=words.took,
        span=words.span,
        count=words.count,
        cut=words.cut,
        commit=words.commit,
        lines=words.lines,
        words=words.words,
        prose=words.prose,
        launcher=words.launcher,
    )
    made.globals.update(links=Links())
    return made


@dataclass(frozen=True, kw_only=True, slots=True)
class Renderer:
    """Makes pages."""

    assets: Assets
    clock: Callable[[], float]
    _templates: Environment = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_templates", environment(self.clock))

    def page(
        self,
        request: Request,
        frame: Frame,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        is_private: bool = False,
        **values: Any,
    ) -> Response:
        """A page, or only the part of it that changes, if the page itself asks for that.

        Args:
            request: asks for it.
            frame: around it.
            template: of the page.
            status: of the answer.
            is_private: whether it shows a secret.
            **values: of the template.
        """
        part = is_part(request)
        note = None if part else request.cookies.get(NOTE_COOKIE)
        nonce = secrets.token_urlsafe(16)
        html = self._templates.get_template(template).render(
            layout="part.html" if part else "frame.html",
            frame=frame,
            actor=frame.actor,
            nonce=nonce,
            asset=self.assets.address,
            theme=theme_of(request),
            address=_address(request),
            note=None if note is None else read_note(note),
            **values,
        )
        response = _packed(request, html, status, may_pack=not is_private)
        response.headers.update(page_headers(nonce))
        if note is not None:
            response.delete_cookie(NOTE_COOKIE, path="/-/")
        return response

    def piece(self, template: str, **values: Any) -> str:
        """A part of a page that is not ours."""
        return self._templates.get_template(template).render(asset=self.assets.address, **values)

    def plain(
        self, request: Request, template: str, *, status: HTTPStatus, **values: Any
    ) -> Response:
        """A page for somebody who may not be signed in."""
        nonce = secrets.token_urlsafe(16)
        html = self._templates.get_template(template).render(
            nonce=nonce, asset=self.assets.address, theme=theme_of(request), **values
        )
        response = HTMLResponse(html, status_code=status)
        response.headers.update(page_headers(nonce))
        return response


def is_part(request: Request) -> bool:
    """Whether an open page asks for its live part again."""
    return request.headers.get("hx-target") == "live"


def page_headers(nonce: str) -> Mapping[str, str]:
    """What a browser may do with a page: nothing but what the page itself brings."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


def theme_of(request: Request) -> str:
    """The theme that was chosen; empty for that of the system."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def written_note(text: str) -> str:
    """A sentence as a cookie takes it."""
    return text.encode().hex()


def read_note(value: str) -> str | None:
    """What :func:`written_note` wrote."""
    try:
        return bytes.fromhex(value).decode()
    except ValueError:
        return None


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _packed(request: Request, html: str, status: HTTPStatus, *, may_pack: bool) -> Response:
    accepts = "gzip" in request.headers.get("accept-encoding", "")
    if not (may_pack and accepts and len(html) > _LEAST_TO_PACK):
        return HTMLResponse(html, status_code=status)
    pack = partial(gzip.compress, compresslevel=4, mtime=0)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return HTMLResponse(pack(html.encode()), status_code=status, headers=headers)
