"""The console in Chromium: every page in both themes and three widths, live, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from dagstead.control.actor import COMMAND_LINE
from tests.support.browsers import CHROMIUM
from tests.support.console_scene import ConsoleScene
from tests.support.control_plane import ControlPlane
from tests.support.debian import chromium
from tests.support.environments import axe_script
from tests.support.orchestration import control_without_dagster
from tests.support.queued_runs import queue_runs

pytestmark = pytest.mark.browser

_PAGE_MS = 60_000
#: Of a phone, of a laptop and of a large screen. What axe looks at is laid out in one of two ways.
_WIDTHS = (390, 2000, 1360)
_LAYOUTS = (390, 1360)
PAGES = {
    "home": "/-/",
    "locations": "/-/locations",
    "location": "/-/locations/staging/weather",
    "unserved": "/-/locations/prod/training",
    "broken-import": "/-/locations/prod/invoices",
    "lost-code-server": "/-/locations/prod/forecasts",
    "queues": "/-/queues",
    "paused-queue": "/-/queues/of/hybrid",
    "queue": "/-/queues/of/gpu",
    "default-queue": "/-/queues/default",
    "agents": "/-/agents",
    "dead-agent": "/-/agents/gpu-01",
    "callers": "/-/callers",
    "runs": "/-/runs",
    "requests": "/-/requests",
    "routes": "/-/routes",
    "alerts": "/-/alerts",
    "releases": "/-/releases",
    "release": "/-/releases/prod/3",
    "failed-release": "/-/releases/prod/5",
    "rollback": "/-/releases/prod/4/rollback",
    "deployments": "/-/deployments",
    "deployment": "/-/deployments/prod",
    "settings": "/-/deployments/prod/settings",
    "begin": "/-/begin",
    "tokens": "/-/tokens",
    "token": "/-/tokens/1",
    "new-token": "/-/tokens/new",
    "new-person": "/-/tokens/new?kind=user",
    "secrets": "/-/secrets",
    "trail": "/-/trail",
    "server": "/-/server",
    "search": "/-/search?q=weather",
    "nothing": "/-/nothing",
}
LOST = "forecasts"
#: What axe finds, and people would stumble over.
_SERIOUS = {"serious", "critical"}
#: Paragraphs of prose whose lines have more than about 75 characters of an average width.
_LONG_LINES = """
() => [...document.querySelectorAll("main p, main .hint, main .chain li")]
  .filter((each) => each.innerText.length > 80 && !each.closest(".trace"))
  .filter((each) => !each.querySelector("a, code, table"))
  .map((each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    const lines = new Map();
    for (const box of range.getClientRects()) {
      const [left, right] = lines.get(Math.round(box.top / 8)) || [box.left, box.right];
      lines.set(
        Math.round(box.top / 8), [Math.min(left, box.left), Math.max(right, box.right)]
      );
    }
    const widest = Math.max(...[...lines.values()].map(([left, right]) => right - left));
    return [widest / parseFloat(getComputedStyle(each).fontSize), each.innerText.slice(0, 60)];
  })
  .filter(([ems]) => ems > 43)
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with all sorts of things in it, also broken ones."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as started:
        scene = ConsoleScene(started.store, lost=LOST)
        scene.fill()
        scene.alerts()
        scene.break_more()
        yield started


@pytest.fixture(autouse=True)
def alive(plane: ControlPlane) -> None:
    """Its agents are there in every test but one."""
    ConsoleScene(plane.store, lost=LOST).beat()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, plane: ControlPlane) -> Iterator[BrowserContext]:
    """A browser that is signed in."""
    opened = browser.new_context(viewport={"width": 1360, "height": 900})
    opened.set_default_timeout(_PAGE_MS)
    page = opened.new_page()
    page.goto(f"{plane.url}/sign-in#token={plane.user_token('ada')}")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{plane.url}/-/")
    page.close()
    yield opened
    opened.close()


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.thorough)])
def test_pages_are_readable_at_every_width(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path, theme: str
) -> None:
    context.add_cookies([{"name": "dagstead_theme", "value": theme, "url": plane.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    axe = axe_script().read_text(encoding="utf-8")
    faults: dict[str, object] = {}
    for name, path in PAGES.items():
        ConsoleScene(plane.store, lost=LOST).beat()
        page.goto(f"{plane.url}{path}", wait_until="load")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        for width in _WIDTHS:
            page.set_viewport_size({"width": width, "height": 900 if width > 500 else 844})
            page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
            found: list[Any] = ["it is wider than the window"] if _sticks_out(page) else []
            found += page.evaluate(_LONG_LINES)
            if width in _LAYOUTS:
                found += _faults(page, axe)
            if found:
                faults[f"{name} at {width}"] = found
    assert faults == {}
    # Of the page that is not there.
    assert [each for each in complaints if "404" not in each] == []


def test_a_page_shows_a_change_without_being_asked(
    plane: ControlPlane, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{plane.url}/-/locations?deployment=staging")
    row = page.get_by_role("row", name="weather")
    expect(row).to_contain_text("Live")
    page.evaluate("window.same = true")
    ConsoleScene(plane.store).release("staging", ("fresh",), commit="0123456789abcdef")
    expect(page.get_by_role("row", name="fresh")).to_be_visible()
    assert page.evaluate("window.same") is True
    expect(page.get_by_role("heading", name="Locations")).to_be_visible()


def test_a_page_goes_on_after_a_restart_of_the_server(
    plane: ControlPlane, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{plane.url}/-/locations?deployment=staging")
    page.evaluate("window.same = true")
    plane.kill()
    expect(page.locator("#away")).to_be_visible()
    ConsoleScene(plane.store).release("staging", ("after",), commit="fedcba9876543210")
    plane.start()
    expect(page.locator("#away")).to_be_hidden()
    expect(page.get_by_role("row", name="after")).to_be_visible()
    assert page.evaluate("window.same") is True


def test_keys_lead_to_pages_and_rows(plane: ControlPlane, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{plane.url}/-/")
    page.keyboard.press("g")
    page.keyboard.press("q")
    page.wait_for_url(f"{plane.url}/-/queues")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{plane.url}/-/queues/**")
    page.keyboard.press("/")
    page.keyboard.type("embeddings")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{plane.url}/-/locations/prod/embeddings")


def test_a_token_is_made_by_reading_what_it_will_grant(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    page = context.new_page()
    page.goto(f"{plane.url}/-/tokens/new")
    page.get_by_label("Name", exact=True).fill("gpu-2")
    page.get_by_label("only these:").check()
    page.get_by_label("gpu", exact=True).check()
    expect(page.locator("#reads")).to_contain_text("gets the work of queue 'gpu'")
    page.screenshot(path=tmp_path / "reads.png")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_text("the only time that its secret is shown")).to_be_visible()
    secret = re.search(r"agent:dagstead:\w+", page.content())
    assert secret
    assert plane.token_record("gpu-2").queues == frozenset({"gpu"})
    page.screenshot(path=tmp_path / "made.png")
    made = len(plane.store.tokens.all())
    page.reload()
    expect(page.get_by_role("heading", name="gpu-2")).to_be_visible()
    assert secret[0] not in page.content()
    assert len(plane.store.tokens.all()) == made


def test_a_queue_is_paused_and_goes_on(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    page = context.new_page()
    page.goto(f"{plane.url}/-/queues/of/eu")
    page.get_by_label("Why, for people").fill("Driver update")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").first).to_contain_text("Queue eu is paused")
    expect(page.locator("#live")).to_contain_text("Driver update")
    page.screenshot(path=tmp_path / "paused.png", full_page=True)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#live")).not_to_contain_text("Driver update")


def test_runs_that_wait_say_why_and_are_canceled(
    plane: ControlPlane, context: BrowserContext, tmp_path: Path
) -> None:
    queues = control_without_dagster(plane.store).queues
    queues.pause(COMMAND_LINE, None, "The pool is being moved", None)
    runs = queue_runs(plane, "prod", "weather", 2)
    page = context.new_page()
    page.goto(f"{plane.url}/-/runs")
    look_at(page, tmp_path, "runs")
    expect(page.locator("#live")).to_contain_text("The pool is being moved")
    page.get_by_role("link", name=runs[0][:8]).click()
    look_at(page, tmp_path, "run")
    expect(page.locator("#live")).to_contain_text("The pool is being moved")
    page.go_back()
    for run in runs:
        page.get_by_label(f"Mark run {run[:8]}").check()
    page.get_by_role("button", name="Cancel…").click()
    look_at(page, tmp_path, "cancel")
    page.get_by_role("button", name="Cancel 2 runs").click()
    expect(page.get_by_role("status").first).to_contain_text("2 runs are canceled.")
    expect(page.get_by_text("No run waits")).to_be_visible()
    queues.resume(COMMAND_LINE, None)


def look_at(page: Page, folder: Path, name: str) -> None:
    """Find nothing wrong with a page on a phone and a laptop, and keep its pictures."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    axe = axe_script().read_text(encoding="utf-8")
    for width in _LAYOUTS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        assert not _sticks_out(page)
        assert _faults(page, axe) == []


def test_without_script_everything_is_there(browser: Browser, plane: ControlPlane) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{plane.url}/sign-in")
    page.get_by_label("User token").fill(plane.user_token("ada"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{plane.url}/-/")
    expect(page.get_by_text("Nobody serves queue 'gpu'")).to_be_visible()
    page.goto(f"{plane.url}/-/tokens/new")
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_role("button", name="Read it back").click()
    expect(page.locator("#reads")).to_contain_text("gets the work of every queue")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def _faults(page: Page, axe: str) -> list[Any]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], [node["html"][:160] for node in each["nodes"][:3]])
        for each in found["violations"]
        if each["impact"] in _SERIOUS
    ]


def _sticks_out(page: Page) -> bool:
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return bool(wide > 0)
