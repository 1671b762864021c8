"""What a page of another origin makes a signed-in browser ask for is not answered.

Another port of the same host, and another name below the same domain, are the same *site*: the
cookie comes with what their pages load. A link that a person follows opens, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import pytest

from dagstead.plane.tokens import TokenKind
from tests.support.browsers import OPENED, own_page, sign_in
from tests.unit.server.conftest import Plane

PATHS = ("/prod/", "/prod/runs", "/prod/server_info", "/prod/graphql?query={version}", "/", "/x")

#: The elements of a page, and calls of its scripts: what a browser says of their requests.
LOADED = {
    "img": {"mode": "no-cors", "dest": "image", "accept": "image/avif,image/webp,*/*;q=0.8"},
    "script": {"mode": "no-cors", "dest": "script", "accept": "*/*"},
    "module": {"mode": "cors", "dest": "script", "accept": "*/*"},
    "style": {"mode": "no-cors", "dest": "style", "accept": "text/css,*/*;q=0.1"},
    "video": {"mode": "no-cors", "dest": "video", "accept": "*/*"},
    "font": {"mode": "cors", "dest": "font", "accept": "*/*"},
    "iframe": {"mode": "navigate", "dest": "iframe", "accept": "text/html,*/*;q=0.8"},
    "frame": {"mode": "navigate", "dest": "frame", "accept": "text/html,*/*;q=0.8"},
    "object": {"mode": "navigate", "dest": "object", "accept": "text/html,*/*;q=0.8"},
    "embed": {"mode": "navigate", "dest": "embed", "accept": "text/html,*/*;q=0.8"},
    "fenced frame": {"mode": "navigate", "dest": "fencedframe", "accept": "text/html"},
    "fetch": {"mode": "cors", "dest": "empty", "accept": "*/*"},
    "fetch without CORS": {"mode": "no-cors", "dest": "empty", "accept": "*/*"},
    "fetch of a page": {"mode": "no-cors", "dest": "empty", "accept": "text/html"},
    "prefetch": {"mode": "no-cors", "dest": "empty", "accept": "*/*", "purpose": "prefetch"},
}


def said_of(load: Mapping[str, str], site: str) -> dict[str, str]:
    headers = {"accept": load["accept"], "sec-fetch-site": site}
    headers |= {f"sec-fetch-{name}": load[name] for name in ("mode", "dest")}
    if load["mode"] == "cors":
        headers["origin"] = "http://127.0.0.1:9"
    return headers


@pytest.fixture
def signed_in(plane: Plane, client: httpx.Client) -> httpx.Client:
    sign_in(client, plane.token(TokenKind.USER)[1])
    return client


@pytest.mark.parametrize("site", ["same-site", "cross-site", "something-new"])
@pytest.mark.parametrize("element", LOADED)
def test_no_element_of_a_foreign_page_loads_anything(
    signed_in: httpx.Client, element: str, site: str
) -> None:
    headers = said_of(LOADED[element], site)
    for path in PATHS:
        assert signed_in.get(path, headers=headers).status_code == 403, path


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_foreign_page_sends_only_links(signed_in: httpx.Client, method: str) -> None:
    for path in PATHS:
        assert signed_in.request(method, path, headers=OPENED).status_code == 403, path


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"accept": "*/*"},
        {"accept": "image/avif,image/webp,*/*;q=0.8"},
        {"referer": "http://127.0.0.1:9/page"},
        {"referer": "http://evil.example/?http://127.0.0.1"},
        {"referer": "not an address ["},
        {"origin": "http://127.0.0.1:9", "accept": "text/html"},
        {"origin": "null", "accept": "text/html"},
    ],
)
def test_nor_do_those_of_browsers_that_say_little(
    signed_in: httpx.Client, headers: dict[str, str]
) -> None:
    """Browsers leave `Sec-Fetch-…` out where there is no TLS."""
    for path in ("/prod/server_info", "/prod/graphql?query={version}"):
        assert signed_in.get(path, headers=headers).status_code == 403, path


def test_own_pages_load_what_they_need_in_every_browser(signed_in: httpx.Client) -> None:
    own = str(signed_in.base_url).rstrip("/")
    for headers in (
        own_page(signed_in),
        {"sec-fetch-site": "same-origin", "sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"},
        {"origin": own},
        {"referer": f"{own}/prod/runs"},
    ):
        assert signed_in.get("/prod/server_info", headers=headers).status_code == 200, headers


@pytest.mark.parametrize("path", ["/prod/", "/prod/runs?status=FAILURE", "/prod/graphql"])
@pytest.mark.parametrize(
    "headers",
    [
        OPENED,
        {**OPENED, "sec-fetch-site": "same-site"},
        {**OPENED, "sec-fetch-site": "none"},
        # Where there is no TLS.
        {"accept": OPENED["accept"]},
        {"accept": OPENED["accept"], "referer": "https://chat.example/"},
    ],
)
def test_links_in_chat_and_ci_open(
    signed_in: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    answer = signed_in.get(path, headers=headers)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith("<!")


def test_a_program_with_a_token_says_nothing_of_pages(plane: Plane, client: httpx.Client) -> None:
    headers = plane.headers(TokenKind.USER)
    assert client.get("/prod/server_info", headers=headers).status_code == 200


def test_a_page_without_tls_is_not_the_same_page_with_it(
    plane: Plane, signed_in: httpx.Client
) -> None:
    """Here it is the other way round: without TLS, the page of the same host with it counts."""
    host = plane.settings.base_url.removeprefix("http://")
    for origin, status in ((f"https://{host}", 200), (f"http://{host}.evil.example", 403)):
        answer = signed_in.get("/prod/server_info", headers={"origin": origin})
        assert answer.status_code == status, origin
