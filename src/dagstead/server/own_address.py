"""This server as a browser sees it: its address, whether TLS protects it, and its own pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from dagstead.server.listen_address import is_loopback
from dagstead.server.replies import is_graphql, wants_page

#: A name or an address, with a port or without.
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:]+\])(?::\d+)?", re.IGNORECASE | re.ASCII)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAddress:
    """Compares requests with the address of this server."""

    #: The address that browsers use.
    base_url: str
    #: Whether it was set: then every caller uses it.
    is_public: bool = False

    def of(self, connection: HTTPConnection) -> str:
        """The address under which a caller reaches this server, for addresses in the answers.

        Without a public address in the settings it is the one that was called: in Docker, agents
        and people on the machine have different names for the same server.
        """
        host = connection.headers.get("host", "")
        if self.is_public or not _HOST.fullmatch(host):
            return self.base_url
        return f"{'https' if _is_over_tls(connection) else 'http'}://{host}"

    def is_secure(self, connection: HTTPConnection) -> bool:
        """Whether TLS is known to protect the way to the browser."""
        return _is_over_tls(connection) or (self.is_public and self._has_https)

    def is_signed_in_securely(self, connection: HTTPConnection) -> bool:
        """Whether TLS protects the form that was sent: a proxy may not say so, its page does."""
        origin = connection.headers.get("origin", "")
        return self.is_secure(connection) or (
            origin.startswith("https://") and self.is_own_origin(origin, connection)
        )

    def is_own_origin(self, address: str, connection: HTTPConnection) -> bool:
        """Whether an address that a browser sends is one of this server."""
        try:
            given = urlsplit(address)
        except ValueError:
            return False
        own = urlsplit(self.base_url)
        if (given.scheme, given.netloc) == (own.scheme, own.netloc):
            return True
        schemes = {"https"} if self.is_secure(connection) else {"http", "https"}
        return given.scheme in schemes and given.netloc == connection.headers.get("host")

    def better_address(self, connection: HTTPConnection) -> str | None:
        """The address to sign in at, where the one that was called would lose the cookie."""
        host = connection.headers.get("host", "")
        is_lost = self.is_public and self._has_https and not _is_over_tls(connection)
        return self.base_url if is_lost and host != urlsplit(self.base_url).netloc else None

    def is_open_to_listeners(self, connection: HTTPConnection) -> bool:
        """Whether others on the way can read what this browser sends, as far as it can be known."""
        # Browsers send it only over TLS, and to their own machine.
        is_protected = "sec-fetch-site" in connection.headers or self.is_secure(connection)
        return not (is_protected or is_loopback(connection.headers.get("host", "")))

    @property
    def _has_https(self) -> bool:
        return self.base_url.startswith("https:")


def is_from_own_page(connection: HTTPConnection, own: OwnAddress) -> bool:
    """Whether a browser's request comes from one of this server's own pages."""
    headers = connection.headers
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and not own.is_own_origin(origin, connection):
        return False
    if site is not None:
        return site == "same-origin"
    # Browsers that say nothing of the site are old, or reach a server of another machine without
    # TLS. They name the page at least.
    return origin is not None or own.is_own_origin(headers.get("referer", ""), connection)


def opens_page(connection: HTTPConnection) -> bool:
    """Whether it is a link that a person has opened, and executes nothing.

    Links may stand on any site. What a page of another site loads into itself may not: an image, a
    script, a frame.
    """
    scope, headers = connection.scope, connection.headers
    if scope["type"] != "http" or scope["method"] not in _SAFE_METHODS:
        return False
    # GraphiQL is a page at an address of GraphQL.
    if is_graphql(scope) and not wants_page(connection):
        return False
    match headers.get("sec-fetch-site"):
        case None:
            return "origin" not in headers and wants_page(connection)
        case "none":
            # Typed, or chosen among bookmarks: no page can cause it.
            return True
        case _:
            is_whole_page = headers.get("sec-fetch-dest", "document") == "document"
            is_opened = headers.get("sec-fetch-mode") == "navigate"
            return scope["method"] == "GET" and is_opened and is_whole_page


def _is_over_tls(connection: HTTPConnection) -> bool:
    return connection.scope.get("scheme") in {"https", "wss"}
