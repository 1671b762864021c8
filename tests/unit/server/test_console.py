"""Where people are led, and what they get in place of JSON."""

from __future__ import annotations

import httpx
import pytest

from dagstead.plane.tokens import Grant, TokenKind
from tests.support.browsers import OPENED, own_page, sign_in
from tests.unit.server.conftest import Plane

PAGE = {"accept": "text/html"}


def signed_in(plane: Plane, client: httpx.Client, grant: Grant | None = None) -> dict[str, str]:
    return {**sign_in(client, plane.token(TokenKind.USER, grant)[1]), **OPENED}


def test_people_come_to_the_console_and_programs_where_they_came_before(
    plane: Plane, client: httpx.Client
) -> None:
    assert client.get("/", headers=signed_in(plane, client)).headers["location"] == "/-/"
    headers = plane.headers(TokenKind.USER)
    assert client.get("/", headers=headers).headers["location"] == "/prod/"
    assert client.get("/locations", headers={**headers, **PAGE}).headers["location"] == (
        "/prod/locations"
    )


def test_the_console_has_a_stricter_policy_than_others(plane: Plane, client: httpx.Client) -> None:
    answer = client.get("/-/", headers=signed_in(plane, client))
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_console_asks_for_a_sign_in(client: httpx.Client) -> None:
    answer = client.get("/-/queues?x=1", headers=PAGE)
    assert answer.headers["location"] == "/sign-in?next=%2F-%2Fqueues%3Fx%3D1"
    assert client.get("/-/events").status_code == 401
    assert client.post("/-/queues/pause", data={"queue": "default"}).status_code == 401


def test_style_sheets_need_no_sign_in(client: httpx.Client) -> None:
    answer = client.get("/-/static/any/console.css")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_form_of_another_site_changes_nothing(plane: Plane, client: httpx.Client) -> None:
    cookie = sign_in(client, plane.token(TokenKind.USER)[1])
    foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    for headers in (foreign, {"sec-fetch-site": "cross-site"}, {}):
        answer = client.post("/-/deployments", data={"name": "evil"}, headers={**cookie, **headers})
        assert answer.status_code == 403
    assert "evil" not in {each.name for each in plane.store.deployments.all()}
    own = {**cookie, **own_page(client)}
    assert client.post("/-/deployments", data={"name": "mine"}, headers=own).status_code == 303
    plane.store.deployments.delete("mine")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/health/nothing", "nothing at this address"),
        ("/nothing/runs", "nothing"),
        ("/-/nothing", "no page at"),
    ],
)
def test_people_get_pages_for_errors_and_programs_json(
    plane: Plane, client: httpx.Client, path: str, says: str
) -> None:
    page = client.get(path, headers=signed_in(plane, client))
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "<h1>" in page.text
    assert says in page.text
    if not path.startswith("/-/"):
        answer = client.get(path, headers=plane.headers(TokenKind.USER))
        assert answer.status_code == 404
        assert answer.json()["error"]


def test_an_agent_token_opens_no_page(plane: Plane, client: httpx.Client) -> None:
    answer = client.get("/-/", headers=plane.headers(TokenKind.AGENT))
    assert answer.status_code == 403
    assert "these pages are for people" in answer.json()["error"]


def test_the_ui_has_a_bar_and_no_icon_of_others(plane: Plane, client: httpx.Client) -> None:
    answer = client.get("/prod/runs", headers=signed_in(plane, client))
    assert 'id="dagstead-bar"' in answer.text
    assert 'href="/staging/"' in answer.text
    assert "favicon" not in answer.text
    client.cookies.clear()
    limited = signed_in(plane, client, Grant(deployments=["prod"], branch_deployments=False))
    assert 'href="/staging/"' not in client.get("/prod/runs", headers=limited).text
