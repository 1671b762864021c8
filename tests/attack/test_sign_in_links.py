"""The link that the first start prints: for one person, once, within an hour."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.tokens import TokenKind
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.sessions import COOKIE
from tests.support.browsers import OPENED, own_page, sign_in
from tests.unit.server.conftest import Plane

SECRET = re.compile(r"user:dagstead:\w+")


def link_of(plane: Plane) -> str:
    return plane.control.sign_ins.new_link(COMMAND_LINE).code


def use(client: httpx.Client, code: str, name: str = "ada", **more: str) -> httpx.Response:
    form = {"link": code, "name": name, **more}
    return client.post("/sign-in", data=form, headers=own_page(client))


def test_it_gives_a_session_and_a_token_with_the_person_s_name(
    plane: Plane, client: httpx.Client
) -> None:
    answer = use(client, link_of(plane), "Ada L.", next="/prod/runs")
    assert answer.status_code == 200
    assert 'href="/prod/runs"' in answer.text
    assert client.get("/prod/server_info", headers=own_page(client)).status_code == 200
    found = SECRET.search(answer.text)
    assert found
    token = plane.store.tokens.authenticate(found[0])
    assert (token.name, token.kind, token.is_unlimited) == ("Ada L.", TokenKind.USER, True)
    assert answer.headers["cache-control"] == "no-store"


def test_it_works_once(plane: Plane, client: httpx.Client) -> None:
    code = link_of(plane)
    assert use(client, code).status_code == 200
    client.cookies.clear()
    again = use(client, code)
    assert again.status_code == 403
    assert "was used already" in again.text
    assert "dagstead token link" in again.text
    assert COOKIE not in client.cookies


def test_of_many_who_open_it_at_once_one_gets_in(plane: Plane, client: httpx.Client) -> None:
    code = link_of(plane)

    def attempt(number: int) -> int:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=60) as other:
            return use(other, code, f"ada {number}").status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [200, *[403] * 7]


def test_it_works_for_an_hour(plane: Plane, client: httpx.Client) -> None:
    code, late = link_of(plane), link_of(plane)
    plane.clock.advance(3599)
    assert use(client, code).status_code == 200
    client.cookies.clear()
    plane.clock.advance(1)
    assert "has expired" in use(client, late).text


@pytest.mark.parametrize("code", ["x", "x" * 43, "user:dagstead:1"])
def test_what_is_no_link_opens_nothing(client: httpx.Client, code: str) -> None:
    answer = use(client, code)
    assert answer.status_code == 403
    assert "is unknown here" in answer.text
    assert COOKIE not in client.cookies


def test_a_name_that_cannot_be_used_costs_no_link(plane: Plane, client: httpx.Client) -> None:
    code = link_of(plane)
    for name in ("", " ", "a\u202eb", "a\x1b[2J", "x" * 101, "managed pool on here"):
        refused = use(client, code, name)
        assert refused.status_code == 403, name
        assert f'value="{code}"' in refused.text
    assert use(client, code).status_code == 200


def test_nobody_uses_it_by_looking_at_it(plane: Plane, client: httpx.Client) -> None:
    """As a chat does that shows what is behind a link, or a browser that loads it beforehand."""
    code = link_of(plane)
    for headers in (OPENED, {"purpose": "prefetch"}, {}):
        client.get("/sign-in", params={"link": code}, headers=headers)
        client.head("/sign-in", params={"link": code}, headers=headers)
    foreign = {"origin": "http://evil.example"}
    assert client.post("/sign-in", data={"link": code, "name": "x"}, headers=foreign).status_code
    assert use(client, code).status_code == 200


def test_it_does_not_replace_a_session_without_asking(plane: Plane, client: httpx.Client) -> None:
    token, secret = plane.token(TokenKind.USER)
    sign_in(client, secret)
    before, code = client.cookies[COOKIE], link_of(plane)
    assert f"(token {token.id})" in use(client, code).text
    assert client.cookies[COOKIE] == before
    assert SECRET.search(use(client, code, replaces=str(token.id)).text)
    assert client.cookies[COOKIE] != before


def test_only_who_may_do_everything_makes_one(plane: Plane, client: httpx.Client) -> None:
    asked = {"query": "mutation { createSignInLink { code expiresAt } }"}
    for kind, status in ((TokenKind.USER, True), (TokenKind.AGENT, False)):
        _, secret = plane.token(kind)
        body = client.post("/graphql", json=asked, headers={TOKEN_HEADER: secret}).json()
        assert bool(body.get("data") and body["data"]["createSignInLink"]) is status
