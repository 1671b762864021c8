"""A signed-in Chromium, and pages of others: another port, a neighbour's name, another site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dagstead.control.actor import COMMAND_LINE
from dagstead.testing import eventually
from tests.support.browsers import CHROMIUM
from tests.support.control_plane import ControlPlane
from tests.support.debian import chromium
from tests.support.foreign_site import foreign_site
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.browser

_PAGE_MS = 60_000
#: Browsers say nothing of the site of a request where there is no TLS; to this machine they do.
_REMOTE = "dagstead.example.com"
_NAMES = "--host-resolver-rules=MAP *.example.com 127.0.0.1"

SET = (
    "mutation { setDeploymentSettings(deploymentSettings: "
    "{settings: {run_retries: {max_retries: 7}}}) { __typename } }"
)


@dataclass(frozen=True)
class Names:
    """The names by which the browser knows the server, and the site of others."""

    plane: str
    other: str


#: By what they have in common.
NEIGHBOURS = {
    "another port of the host": Names("127.0.0.1", "127.0.0.1"),
    "another port, without TLS": Names(_REMOTE, _REMOTE),
    "a neighbour below one name": Names("dagstead.team.localhost", "wiki.team.localhost"),
    "a neighbour, without TLS": Names(_REMOTE, "wiki.example.com"),
    "another site": Names("127.0.0.1", "localhost"),
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("plane")) as started:
        started.deployment("prod").close()
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=[*CHROMIUM, _NAMES])
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1200, "height": 800})
    opened.set_default_timeout(_PAGE_MS)
    yield opened
    opened.close()


def address(plane: ControlPlane, name: str) -> str:
    return plane.url.replace("127.0.0.1", name)


def signed_in(context: BrowserContext, url: str, token: str) -> Page:
    page = context.new_page()
    page.goto(f"{url}/sign-in#token={token}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/-/")
    return page


def loading(url: str) -> str:
    """A page that loads everything that a page can; its title says when it has."""
    target = f"{url}/prod/graphql?query={SET.replace(' ', '%20')}"
    return f"""<!doctype html><title>loading</title><body><script>
      const seen = {{}};
      const note = (name, value) => {{ seen[name] = value; }};
      const element = (name, kind, attribute, address) => new Promise((done) => {{
        const made = document.createElement(kind);
        made.onload = () => {{ note(name, "loaded"); done(); }};
        made.onerror = () => {{ note(name, "refused"); done(); }};
        made[attribute] = address;
        if (kind === "link") made.rel = "stylesheet";
        document.body.append(made);
      }});
      const fetched = (name, options) =>
        fetch("{target}", {{credentials: "include", ...options}})
          .then((answer) => note(name, answer.type === "opaque" ? "opaque" : "read"))
          .catch(() => note(name, "refused"));
      const socket = () => new Promise((done) => {{
        const made = new WebSocket("{url.replace("http", "ws")}/prod/graphql", "graphql-ws");
        made.onopen = () => {{ note("socket", "opened"); done(); }};
        made.onerror = () => {{ note("socket", "refused"); done(); }};
      }});
      Promise.all([
        element("image", "img", "src", "{target}"),
        element("favicon", "img", "src", "{url}/prod/favicon.png"),
        element("script", "script", "src", "{target}"),
        element("style", "link", "href", "{target}"),
        fetched("fetch", {{}}),
        fetched("opaque fetch", {{mode: "no-cors"}}),
        fetched("simple post", {{mode: "no-cors", method: "POST",
          headers: {{"content-type": "text/plain"}}, body: JSON.stringify({{query: "{SET}"}})}}),
        socket(),
      ]).then(() => {{ window.seen = seen; document.title = "done"; }});
    </script></body>"""


@pytest.mark.parametrize("kind", NEIGHBOURS)
def test_a_foreign_page_changes_and_reads_nothing(
    plane: ControlPlane, context: BrowserContext, kind: str
) -> None:
    names = NEIGHBOURS[kind]
    url = address(plane, names.plane)
    signed_in(context, url, plane.user_token(kind)).close()
    pages: dict[str, str] = {}
    with foreign_site(pages) as port:
        pages["/"] = loading(url)
        page = context.new_page()
        page.goto(f"http://{names.other}:{port}/")
        expect(page).to_have_title("done")
        seen = page.evaluate("window.seen")
    assert seen.pop("opaque fetch") in {"opaque", "refused"}
    assert seen.pop("simple post") in {"opaque", "refused"}
    assert set(seen.values()) == {"refused"}, seen
    assert len(seen) == 6
    settings = plane.store.deployments.get("prod").settings
    assert "run_retries" not in settings


@pytest.mark.parametrize("kind", NEIGHBOURS)
def test_a_foreign_page_shows_none_of_ours_in_a_frame(
    plane: ControlPlane, context: BrowserContext, kind: str, tmp_path: Path
) -> None:
    names = NEIGHBOURS[kind]
    url = address(plane, names.plane)
    signed_in(context, url, plane.user_token(kind)).close()
    pages: dict[str, str] = {}
    paths = ("/prod/runs", "/prod/graphql", "/sign-in", "/sign-out", "/nowhere")
    frames = "".join(f'<iframe src="{url}{path}"></iframe>' for path in paths)
    with foreign_site(pages) as port:
        pages["/"] = f"<!doctype html><title>bait</title>{frames}"
        page = context.new_page()
        page.goto(f"http://{names.other}:{port}/", wait_until="load")
        page.screenshot(path=tmp_path / "framed.png")
        shown = [frame.url for frame in page.frames if frame != page.main_frame]
    assert len(shown) == len(paths)
    # What a browser puts in their place.
    assert {url.partition(":")[0] for url in shown} == {"chrome-error"}, shown


@pytest.mark.parametrize("kind", NEIGHBOURS)
def test_a_link_on_a_foreign_page_opens(
    plane: ControlPlane, context: BrowserContext, kind: str
) -> None:
    names = NEIGHBOURS[kind]
    url = address(plane, names.plane)
    signed_in(context, url, plane.user_token(kind)).close()
    with foreign_site({"/": f'<a href="{url}/prod/runs">the run</a>'}) as port:
        page = context.new_page()
        page.goto(f"http://{names.other}:{port}/")
        page.get_by_text("the run").click()
        page.wait_for_url(f"{url}/prod/runs**")
        expect(page.get_by_role("link", name="Runs").first).to_be_visible()


def test_without_tls_the_page_warns_and_the_ui_works(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    url = address(plane, _REMOTE)
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    expect(page.get_by_role("note")).to_contain_text("not encrypted")
    page.screenshot(path=tmp_path / "warned.png")
    page.goto(f"{plane.url}/sign-in")
    expect(page.get_by_role("note")).to_have_count(0)
    refused: list[str] = []
    page.on("response", lambda each: refused.append(each.url) if each.status == 403 else None)
    page.goto(f"{url}/sign-in#token={plane.user_token('remote')}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/-/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto(f"{url}/prod/runs")
    expect(page.get_by_role("link", name="Runs").first).to_be_visible()
    page.screenshot(path=tmp_path / "ui.png")
    assert refused == []


def test_the_first_link_gives_a_session_and_a_token(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    link = control_without_dagster(plane.store).sign_ins.new_link(COMMAND_LINE)
    page = context.new_page()
    page.goto(link.address(plane.url))
    assert page.url == f"{plane.url}/sign-in"
    page.screenshot(path=tmp_path / "link.png")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading")).to_contain_text("Welcome")
    found = re.search(r"user:dagstead:\w+", page.content())
    assert found
    assert plane.store.tokens.authenticate(found[0]).name == "Ada"
    page.screenshot(path=tmp_path / "welcome.png")
    page.get_by_role("link", name="Open the console").click()
    page.wait_for_url(f"{plane.url}/-/")
    page.goto(link.address(plane.url))
    expect(page.get_by_text("You are signed in as Ada")).to_be_visible()
    page.get_by_label("Your name").fill("Bea")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("was used already")
    page.screenshot(path=tmp_path / "used.png")


def test_a_link_with_a_token_of_another_signs_nobody_in(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    signed_in(context, plane.url, plane.user_token("ada")).close()
    before = context.cookies()
    page = context.new_page()
    page.goto(f"{plane.url}/sign-in#token={plane.user_token('mallory')}")
    expect(page.get_by_text("You are signed in as ada")).to_be_visible()
    page.screenshot(path=tmp_path / "asked.png")
    assert context.cookies() == before
    page.get_by_role("link", name="Stay signed in as ada").click()
    page.wait_for_url(f"{plane.url}/-/")
    assert context.cookies() == before


def test_signing_out_closes_the_sockets_of_open_pages(
    plane: ControlPlane, context: BrowserContext
) -> None:
    page = signed_in(context, plane.url, plane.user_token("ada"))
    page.evaluate(
        """() => new Promise((done) => {
          window.endedWith = null;
          const socket = new WebSocket(
            location.origin.replace("http", "ws") + "/prod/graphql", "graphql-ws");
          socket.onopen = () => socket.send(JSON.stringify({type: "connection_init"}));
          socket.onmessage = () => done();
          socket.onclose = (event) => { window.endedWith = event.code; };
        })"""
    )
    other = context.new_page()
    other.goto(f"{plane.url}/sign-out")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert eventually(lambda: page.evaluate("window.endedWith"), 20, "the socket's end") == 1008
    page.goto(f"{plane.url}/prod/runs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_graphiql_works_under_its_policy(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    page = signed_in(context, plane.url, plane.user_token("ada"))
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{plane.url}/prod/graphql")
    page.get_by_role("region", name="Query Editor").get_by_role("textbox").focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("{ version }")
    page.get_by_role("button", name=re.compile("Execute query")).click()
    expect(page.get_by_text('"version":').first).to_be_visible()
    page.screenshot(path=tmp_path / "graphiql.png")
    assert [each for each in complaints if "Content Security Policy" in each] == []


def test_the_ui_works_under_its_policy(plane: ControlPlane, context: BrowserContext) -> None:
    page = signed_in(context, plane.url, plane.user_token("ada"))
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    for path in ("/prod/runs", "/prod/assets", "/prod/deployment/locations", "/prod/jobs"):
        page.goto(f"{plane.url}{path}")
        expect(page.get_by_role("link", name="Runs").first).to_be_visible()
    blocked = [each for each in complaints if "Content Security" in each or "403" in each]
    assert blocked == []
