from __future__ import annotations

import json
import re

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from dagstead.plane.tokens import Grant, TokenKind
from dagstead.server.sessions import COOKIE
from dagstead.server.sign_in import safe_target
from tests.unit.server.conftest import Plane

FOREIGN = {"origin": "http://evil.example"}
#: What a browser sends when a person opens a link.
OPENED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "accept": "text/html"}
QUERY = {"query": "{version}"}


def own(client: httpx.Client) -> dict[str, str]:
    """What a browser says of a request from one of the server's pages."""
    return {"origin": str(client.base_url).rstrip("/")}


def cookie_of(client: httpx.Client) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={client.cookies[COOKIE]}"}


def sign_in(client: httpx.Client, secret: str, target: str = "/prod/runs") -> None:
    answer = client.post("/sign-in", data={"token": secret, "next": target}, headers=own(client))
    assert answer.status_code == 303
    assert answer.headers["location"] == target


def test_a_browser_is_sent_to_the_page_and_back(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    answer = client.get("/prod/runs?view=all", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fprod%2Fruns%3Fview%3Dall"
    page = client.get(answer.headers["location"])
    assert 'name="next" value="/prod/runs?view=all"' in page.text
    sign_in(client, secret, "/prod/runs?view=all")
    assert client.get("/prod/runs?view=all", headers=OPENED).status_code == 200


def test_the_cookie_holds_no_token_and_scripts_cannot_read_it(
    plane: Plane, client: httpx.Client
) -> None:
    _, secret = plane.token(TokenKind.USER)
    answer = client.post("/sign-in", data={"token": secret}, headers=own(client))
    cookie = answer.headers["set-cookie"]
    assert secret.rpartition(":")[2] not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_a_revoked_token_ends_its_sessions_at_once(plane: Plane, client: httpx.Client) -> None:
    token, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    assert client.get("/prod/server_info", headers=own(client)).status_code == 200
    plane.store.tokens.revoke(token.id)
    assert client.get("/prod/server_info", headers=own(client)).status_code == 401


def test_a_forged_cookie_opens_nothing(client: httpx.Client) -> None:
    for value in ("1.9999999999.00", "", "x" * 43, "%00"):
        cookie = {"cookie": f"{COOKIE}={value}"}
        answer = client.get("/prod/server_info", headers={**own(client), **cookie})
        assert answer.status_code == 401


def test_a_wrong_token_is_refused_on_the_page(plane: Plane, client: httpx.Client) -> None:
    _, agent = plane.token(TokenKind.AGENT)
    for secret, reason in (
        ("", "unknown here"),
        ("user:x:y", "unknown here"),
        (agent, "is an agent token"),
    ):
        answer = client.post("/sign-in", data={"token": secret}, headers=own(client))
        assert answer.status_code == 403
        assert reason in answer.text
        assert "set-cookie" not in answer.headers


def test_what_a_caller_sends_is_text_on_the_page_not_markup(client: httpx.Client) -> None:
    page = client.get("/sign-in", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text


def test_only_the_pages_own_script_may_run(client: httpx.Client) -> None:
    page = client.get("/sign-in")
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce
    assert f'<script nonce="{nonce[1]}">' in page.text
    assert "default-src 'none'" in policy
    assert nonce[1] not in client.get("/sign-in").text


def test_another_site_cannot_sign_anybody_in(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    answer = client.post("/sign-in", data={"token": secret}, headers=FOREIGN)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_another_site_cannot_use_the_cookie(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    assert client.post("/prod/graphql", json=QUERY, headers=own(client)).status_code == 200
    for headers in (FOREIGN, {"origin": "null"}, {}):
        answer = client.post("/prod/graphql", json=QUERY, headers=headers)
        assert answer.status_code == 403
        assert "a page of this server" in answer.json()["errors"][0]["message"]
        with pytest.raises(InvalidStatus) as caught:
            plane.socket("/prod/graphql", {**headers, **cookie_of(client)})
        assert caught.value.response.status_code == 403


def test_the_page_itself_may_open_sockets(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    with plane.socket("/prod/graphql", {**own(client), **cookie_of(client)}) as socket:
        socket.send('{"type": "connection_init"}')
        assert json.loads(socket.recv(10)) == {"type": "connection_ack"}


def test_signing_out_ends_the_session_wherever_its_cookie_is(
    plane: Plane, client: httpx.Client
) -> None:
    _, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    kept = cookie_of(client)
    assert "Sign out" in client.get("/sign-out", headers=OPENED).text
    assert client.post("/sign-out", headers=FOREIGN).status_code == 403
    assert client.get("/prod/server_info", headers=own(client)).status_code == 200
    assert client.post("/sign-out", headers=own(client)).headers["location"] == "/sign-in"
    assert COOKIE not in client.cookies
    assert client.get("/prod/server_info", headers={**own(client), **kept}).status_code == 401


def test_a_session_ends_after_its_days_and_with_its_token(
    plane: Plane, client: httpx.Client
) -> None:
    _, secret = plane.token(TokenKind.USER)
    _, brief = plane.token(TokenKind.USER, Grant(expires_at=plane.clock() + 600))
    kept = {}
    for each in (secret, brief):
        client.cookies.clear()
        sign_in(client, each)
        kept[each] = {**own(client), **cookie_of(client)}
    client.cookies.clear()

    def works(of: str) -> bool:
        return client.get("/prod/server_info", headers=kept[of]).status_code == 200

    assert works(secret)
    assert works(brief)
    plane.clock.advance(601)
    assert works(secret)
    assert not works(brief)
    plane.clock.advance(30 * 86400)
    assert not works(secret)


def test_nobody_is_signed_in_as_somebody_else_without_being_asked(
    plane: Plane, client: httpx.Client
) -> None:
    mine, secret = plane.token(TokenKind.USER)
    other, theirs = plane.token(TokenKind.USER)
    sign_in(client, secret)
    before = client.cookies[COOKIE]
    form = {"token": theirs, "next": "/prod/"}

    asked = client.post("/sign-in", data=form, headers=own(client))

    assert asked.status_code == 200
    assert f"(token {mine.id})" in asked.text
    assert f"(token {other.id})" in asked.text
    assert client.cookies[COOKIE] == before
    assert client.get("/sign-in").text.count(f'name="replaces" value="{mine.id}"') == 2
    done = client.post("/sign-in", data={**form, "replaces": str(mine.id)}, headers=own(client))
    assert done.status_code == 303
    assert client.cookies[COOKIE] != before
    # The session before does not live on beside it.
    kept = {**own(client), "cookie": f"{COOKIE}={before}"}
    client.cookies.clear()
    assert client.get("/prod/server_info", headers=kept).status_code == 401


def test_the_same_person_may_sign_in_again(plane: Plane, client: httpx.Client) -> None:
    _, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    sign_in(client, secret)


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "prod",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/sign-in?next=/sign-in",
        "/sign-out",
    ],
)
def test_nobody_is_sent_elsewhere(target: str | None) -> None:
    assert safe_target(target) == "/"


def test_a_path_of_this_server_is_kept() -> None:
    assert safe_target("/prod/runs/1?a=b#c") == "/prod/runs/1?a=b#c"
