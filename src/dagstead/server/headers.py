"""The headers that every answer has, whoever made it, and redirects that stay here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.server.own_address import OwnAddress

_POLICY = "Content-Security-Policy"
#: Only our own pages may show one of our pages in a frame: the UI shows notebooks in one.
_FRAMES = "frame-ancestors 'self'"
#: For documents that come without a policy: pages of errors, notebooks of user code, files.
_NO_SCRIPTS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    f"base-uri 'none'; form-action 'none'; {_FRAMES}"
)
#: What a browser shows as a page, and may run scripts of. Others are a part of a page, whose policy
#: counts; but the UI's workers go by the policy that comes with their own script.
_DOCUMENTS = frozenset(
    {
        "",
        "application/pdf",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
        "text/html",
        "text/xml",
    }
)
_ALWAYS: Mapping[str, str] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        # For browsers that do not know frame-ancestors.
        "X-Frame-Options": "SAMEORIGIN",
        # Not no-referrer: that makes browsers send `Origin: null` with forms.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
)
#: For answers that are written without the application: to what is not HTTP, or comes too slowly.
RAW_HEADERS = "".join(
    f"{name.lower()}: {value}\r\n" for name, value in ({**_ALWAYS, _POLICY: _NO_SCRIPTS}).items()
).encode()
#: A year. Not for names below this one: other servers may have those.
_ONLY_TLS = "max-age=31536000"


class HeadersMiddleware:
    """The outermost layer: no answer leaves without these headers."""

    def __init__(self, app: ASGIApp, own: OwnAddress) -> None:
        """Wrap an application.

        Args:
            app: the application.
            own: whether TLS protects a connection.
        """
        self._app = app
        self._own = own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Of a response that is sent only once, but also of those that are kept.
                message = {**message, "headers": list(message.get("headers", ()))}
                self._complete(MutableHeaders(scope=message), HTTPConnection(scope))
            await send(message)

        await self._app(scope, receive, completed)

    def _complete(self, headers: MutableHeaders, connection: HTTPConnection) -> None:
        headers.update(_ALWAYS)
        headers[_POLICY] = _policy(headers.get(_POLICY), headers.get("content-type", ""))
        if self._own.is_secure(connection):
            headers["Strict-Transport-Security"] = _ONLY_TLS
        if "location" in headers:
            headers["Location"] = here(headers["location"])


def _policy(given: str | None, content_type: str) -> str:
    if given is None:
        kind = content_type.partition(";")[0].strip().lower()
        return _NO_SCRIPTS if kind in _DOCUMENTS else _FRAMES
    return given if "frame-ancestors" in given else f"{given.rstrip('; ')}; {_FRAMES}"


def here(location: str) -> str:
    """An address to go to, on this server: a caller may have named any other as the host."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "/"
    if not (parts.scheme or parts.netloc or location.startswith(("/", "\\"))):
        # Relative to the page that was asked for.
        return location
    # Two slashes at its beginning would name another server.
    path = "/" + parts.path.lstrip("/\\")
    return urlunsplit(("", "", path, parts.query, parts.fragment))
