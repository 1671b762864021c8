"""Every answer keeps browsers from showing, guessing, framing or leaving it; errors do as well."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from dagstead.plane.tokens import TokenKind
from dagstead.server.headers import HeadersMiddleware, here
from dagstead.server.own_address import OwnAddress
from tests.support.routes import every_call
from tests.unit.server.conftest import Plane

#: What a caller may say in place of the host.
HOSTS = ("evil.example", "evil.example:3000", "user@evil.example", "a b", "[", "x/y", "")


#: The beginning of a websocket.
UPGRADE = (
    b"GET /prod/graphql HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def every_answer(plane: Plane, client: httpx.Client) -> Iterator[httpx.Response]:
    """Of every address, to callers of every kind and without any."""
    callers = [{}, plane.headers(TokenKind.USER), plane.headers(TokenKind.AGENT)]
    for headers in callers:
        for method, path in every_call(plane.app):
            for accept in ("text/html", "*/*"):
                yield client.request(method, path, headers={**headers, "accept": accept})


def test_every_answer_has_them(plane: Plane, client: httpx.Client) -> None:
    seen = set()
    for answer in every_answer(plane, client):
        seen.add(answer.status_code)
        asked = (answer.request.method, answer.request.url.path, answer.status_code)
        policy = answer.headers["content-security-policy"]
        assert re.search(r"frame-ancestors '(self|none)'", policy), asked
        assert answer.headers["x-content-type-options"] == "nosniff", asked
        assert answer.headers["x-frame-options"] == "SAMEORIGIN", asked
        assert answer.headers["referrer-policy"] == "same-origin", asked
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", asked
        # There is no TLS here.
        assert "strict-transport-security" not in answer.headers
        for name in ("content-security-policy", "referrer-policy", "x-frame-options"):
            assert len(answer.headers.get_list(name)) == 1, asked
    assert seen >= {200, 303, 400, 401, 403, 404, 405}


@pytest.mark.parametrize(
    "sent",
    [
        b"not HTTP\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"<script>alert(1)</script> / HTTP/1.1\r\n\r\n",
        UPGRADE.replace(b"key", b"no-key"),
        UPGRADE.replace(b"GET", b"POST"),
        UPGRADE.replace(b"13", b"7"),
        UPGRADE.replace(b"AAAA", b"A"),
    ],
)
def test_what_is_not_http_is_answered_with_them(plane: Plane, sent: bytes) -> None:
    """The application never hears of these."""
    with socket.create_connection(("127.0.0.1", plane.settings.port), timeout=30) as caller:
        with suppress(ConnectionError):
            caller.sendall(sent)
        answer = b""
        with suppress(ConnectionError):
            while piece := caller.recv(65_536):
                answer += piece
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()
    assert re.match(r"http/1\.1 4\d\d", head), answer
    for header in ("x-content-type-options: nosniff", "x-frame-options: sameorigin"):
        assert head.count(header) == 1, answer
    assert head.count("content-security-policy:") == 1, answer


def test_only_pages_that_say_which_run_scripts(plane: Plane, client: httpx.Client) -> None:
    pages = 0
    for answer in every_answer(plane, client):
        if "html" in answer.headers.get("content-type", ""):
            pages += 1
            policy = answer.headers["content-security-policy"]
            assert re.search(r"script-src '(nonce|self)|default-src 'none'", policy), answer.url
    assert pages > 5


def test_the_pages_of_dagster_keep_their_own_policy(plane: Plane, client: httpx.Client) -> None:
    headers = {**plane.headers(TokenKind.USER), "accept": "text/html"}
    ui = client.get("/prod/runs", headers=headers).headers["content-security-policy"]
    assert "'strict-dynamic'" in ui
    assert ui.endswith("; frame-ancestors 'self'")
    graphiql = client.get("/prod/graphql", headers=headers)
    policy = graphiql.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert len(re.findall(r"'sha256-[^']+'", policy)) == graphiql.text.count("<script>") == 1
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_parts_of_the_ui_come_without_a_policy_for_documents(
    plane: Plane, client: httpx.Client
) -> None:
    """Its workers would go by it."""
    headers = plane.headers(TokenKind.USER)
    page = client.get("/prod/", headers=headers).text
    script = re.search(r'src="(/prod/[^"]+\.js)"', page)
    assert script
    answer = client.get(script[1], headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"


def test_redirects_stay_here_whatever_host_is_named(plane: Plane, client: httpx.Client) -> None:
    headers = {**plane.headers(TokenKind.USER), "accept": "text/html"}
    redirects = 0
    for host in HOSTS:
        for path in ("/", "/prod", "/staging", "/prod/_next/", "/prod//runs/", "/prod/vendor"):
            answer = client.get(path, headers={**headers, "host": host})
            place = answer.headers.get("location")
            if place is not None:
                redirects += 1
                assert re.match(r"/(?![/\\])", place), (host, path, place)
    assert redirects >= len(HOSTS)


def test_nobody_is_sent_from_a_path_to_another_server(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    for path in ("//evil.example", "//evil.example/", "/%2F%2Fevil.example", "/\\evil.example"):
        url = httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode())
        answer = client.get(url, headers=headers)
        assert re.match(r"/(?![/\\])|$", answer.headers.get("location", "")), path


@pytest.mark.parametrize(
    ("location", "safe"),
    [
        ("/prod/", "/prod/"),
        ("/sign-in?next=%2Fprod%2F#x", "/sign-in?next=%2Fprod%2F#x"),
        ("http://evil.example/prod/?a=b", "/prod/?a=b"),
        ("//evil.example/prod/", "/prod/"),
        ("///evil.example/", "/evil.example/"),
        ("http://host//evil.example/", "/evil.example/"),
        ("/\\evil.example", "/evil.example"),
        ("\\\\evil.example", "/evil.example"),
        ("javascript:alert(1)", "/alert(1)"),
        ("http://[", "/"),
        ("http://evil.example", "/"),
        ("runs", "runs"),
    ],
)
def test_a_redirect_is_an_address_here(location: str, safe: str) -> None:
    assert here(location) == safe


@pytest.mark.parametrize(
    ("own", "scheme", "secure"),
    [
        (OwnAddress(base_url="https://dagstead.example.com", is_public=True), "http", True),
        (OwnAddress(base_url="http://127.0.0.1:3000"), "https", True),
        (OwnAddress(base_url="http://127.0.0.1:3000"), "http", False),
        (OwnAddress(base_url="http://dagstead.example.com", is_public=True), "http", False),
    ],
)
def test_browsers_keep_to_tls_where_it_is_known(
    own: OwnAddress, scheme: str, *, secure: bool
) -> None:
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "scheme": scheme, "path": "/", "headers": []}
    asyncio.run(HeadersMiddleware(application, own)(scope, receive, send))
    names = {name for name, _ in sent[0]["headers"]}
    assert (b"strict-transport-security" in names) is secure
    assert b"content-security-policy" in names
