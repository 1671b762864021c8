"""The cookie of a session: its name and its attributes, with TLS and without."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from dagstead.server.own_address import OwnAddress
from dagstead.server.sessions import COOKIE, HOST_COOKIE, SessionCookies
from dagstead.store.all import Store
from tests.support.orchestration import control_without_dagster

PUBLIC = OwnAddress(base_url="https://dagstead.example.com", is_public=True)
LOCAL = OwnAddress(base_url="http://127.0.0.1:3000")


def connection(scheme: str = "http", **headers: str) -> HTTPConnection:
    named = {"host": "dagstead.example.com", **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    return HTTPConnection({"type": "http", "path": "/", "scheme": scheme, "headers": pairs})


def cookies(store: Store, own: OwnAddress) -> SessionCookies:
    return SessionCookies(sessions=control_without_dagster(store).sessions, own=own, days=30)


def set_cookie(made: SessionCookies, asked: HTTPConnection) -> str:
    response = Response()
    made.set(response, asked, "secret")
    return response.headers["set-cookie"]


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        (PUBLIC, connection()),
        (LOCAL, connection("https")),
        # A proxy that does not say so: the page of the form does.
        (LOCAL, connection(origin="https://dagstead.example.com")),
    ],
)
def test_with_tls_the_cookie_is_of_this_host_only(
    store: Store, own: OwnAddress, asked: HTTPConnection
) -> None:
    made = set_cookie(cookies(store, own), asked)
    assert made.startswith(f"{HOST_COOKIE}=secret; ")
    for attribute in ("Secure", "HttpOnly", "Path=/", "SameSite=lax", "Max-Age=2592000"):
        assert attribute in made
    assert "domain" not in made.lower()


def test_without_tls_a_browser_would_not_take_that_name(store: Store) -> None:
    made = set_cookie(cookies(store, LOCAL), connection(origin="http://dagstead.example.com"))
    assert made.startswith(f"{COOKIE}=secret; ")
    assert "Secure" not in made


def test_with_tls_a_cookie_that_a_neighbour_planted_does_not_count(store: Store) -> None:
    planted = f"{COOKIE}=planted"
    own = f"{planted}; {HOST_COOKIE}=own"
    assert cookies(store, PUBLIC).secret(connection(cookie=planted)) is None
    assert cookies(store, PUBLIC).secret(connection(cookie=own)) == "own"
    assert cookies(store, LOCAL).secret(connection(cookie=planted)) == "planted"
    assert cookies(store, LOCAL).secret(connection(cookie=own)) == "own"
