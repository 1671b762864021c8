"""The Dagster UI in a real browser: assets are shown, a run is launched, its logs appear."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dagstead.plane.roles import Role, Roles
from dagstead.testing import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.browsers import CHROMIUM
from tests.support.control_plane import ControlPlane
from tests.support.debian import chromium
from tests.support.deployment import LOAD_SECONDS
from tests.support.environments import own_environment

pytestmark = pytest.mark.browser

#: A page is a megabyte of script, a run imports Dagster, and two cores do all of it.
_PAGE_MS = 60_000
_RUN_MS = 120_000


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with one loaded location, and the agent that serves it."""
    with ControlPlane(tmp_path_factory.mktemp("plane")) as started:
        client = started.deployment("prod")
        client.deploy("small", "compat_small")
        setup = AgentSetup(
            label="ui",
            token=started.agent_token("ui"),
            deployments=["prod"],
            variables={"FAULT_FILE": str(_fault(started))},
        )
        agent = OfficialAgent(started, own_environment(), setup)
        try:
            client.wait_until_loaded("small")
            yield started
        finally:
            agent.stop()
            client.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM))
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, plane: ControlPlane) -> Iterator[Page]:
    """A page that is signed in by the address that ``dagstead token create`` prints."""
    with _signed_in(browser, plane, plane.user_token("browser")) as opened:
        yield opened


def test_without_a_token_a_browser_is_asked_to_sign_in(
    browser: Browser, plane: ControlPlane
) -> None:
    page = browser.new_page()
    page.goto(f"{plane.url}/prod/runs")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("User token").fill("user:dagstead:wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown here")
    page.close()


def test_the_ui_is_below_a_bar_of_ours_and_shows_no_other_mark(
    page: Page, plane: ControlPlane, tmp_path: Path
) -> None:
    plane.store.deployments.create("staging")
    page.goto(f"{plane.url}/prod/runs")
    bar = page.locator("#dagstead-bar")
    expect(bar).to_be_visible()
    below = page.locator("#__next")
    expect(below.get_by_role("link", name="Runs").first).to_be_visible()
    mark = page.locator("[class*=DagsterLogo_logo]")
    expect(mark).not_to_have_count(0)
    assert not any(each.is_visible() for each in mark.all())
    # Nothing is hidden behind the bar, or below the window.
    for name in ("Runs", "Deployment"):
        box = below.get_by_role("link", name=name).first.bounding_box()
        assert box
        assert 36 <= box["y"] < 900
    page.screenshot(path=tmp_path / "bar.png")
    bar.locator("summary").click()
    bar.get_by_role("link", name="staging").click()
    page.wait_for_url(f"{plane.url}/staging/**")
    page.locator("#dagstead-bar").get_by_role("link", name="Console").click()
    page.wait_for_url(f"{plane.url}/-/")
    plane.store.deployments.delete("staging")


def test_the_assets_of_a_location_are_shown(page: Page, plane: ControlPlane) -> None:
    page.goto(f"{plane.url}/prod/assets")

    expect(page.locator("a[href='/prod/assets/only']")).to_be_visible()
    expect(page.locator("a[href='/prod/locations/small/']")).to_be_visible()


def test_a_run_launched_from_the_page_succeeds_and_its_logs_appear(
    page: Page, plane: ControlPlane, tmp_path: Path
) -> None:
    page.goto(f"{plane.url}/prod/locations/__repository__@small/jobs/whispering/playground")
    page.get_by_role("button", name="Launch Run").click(timeout=_PAGE_MS)
    try:
        page.wait_for_url("**/runs/**")
        expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=_RUN_MS)
        expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible()
        page.get_by_text("stdout", exact=True).click()
        # Of the list, not of the chart: the chart moves when the page learns how the run ended.
        page.get_by_placeholder("Select a step").click()
        page.get_by_role("menuitem", name="whisper").click()
        expect(page.get_by_text("whispered on")).to_be_visible()
    finally:
        page.screenshot(path=tmp_path / "run.png")


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.LAUNCHER, True)])
def test_only_those_who_may_launch_find_a_button_that_does(
    browser: Browser, plane: ControlPlane, tmp_path: Path, role: Role, *, may: bool
) -> None:
    token = plane.user_token(str(role), roles=Roles(default=role))
    with _signed_in(browser, plane, token) as page:
        try:
            page.goto(f"{plane.url}/prod/assets/only")
            materialize = page.get_by_role("button", name="Materialize")
            expect(materialize).to_be_visible()
            expect(materialize).to_be_enabled(enabled=may)
            if not may:
                materialize.hover(force=True)
                reason = page.get_by_text("You do not have permission to materialize assets")
                expect(reason.first).to_be_visible()
            expect(page.get_by_text("Unexpected GraphQL error")).to_have_count(0)
            page.goto(f"{plane.url}/prod/locations/__repository__@small/jobs/whispering")
            launchpad = page.get_by_role("tab", name="Launchpad")
            expect(launchpad).to_be_enabled(enabled=may)
            if may:
                launchpad.click()
                expect(page.get_by_role("button", name="Launch Run")).to_be_enabled()
            for path in ("overview", "runs", "automation", "deployment/locations"):
                page.goto(f"{plane.url}/prod/{path}", wait_until="networkidle")
                expect(page.get_by_text("Unexpected GraphQL error")).to_have_count(0)
        finally:
            page.screenshot(path=tmp_path / "launch.png")


def test_a_failed_load_is_shown_at_once_until_it_has_healed(
    page: Page, plane: ControlPlane, tmp_path: Path
) -> None:
    page.goto(f"{plane.url}/prod/deployment/locations")
    fault = _fault(plane)
    try:
        expect(page.get_by_text("Loaded", exact=True)).to_be_visible()
        fault.touch()
        plane.store.locations.reload("prod", ["small"])
        expect(page.get_by_text("Failed", exact=True)).to_be_visible(timeout=_RUN_MS)
        page.get_by_text("View error").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("RuntimeError: the warehouse is down")
        page.keyboard.press("Escape")
        fault.unlink()
        expect(page.get_by_text("Loaded", exact=True)).to_be_visible(timeout=_RUN_MS)
    finally:
        fault.unlink(missing_ok=True)
        page.screenshot(path=tmp_path / "failed.png")


def test_after_a_failed_release_what_was_before_is_shown_with_the_failure(
    page: Page, plane: ControlPlane, tmp_path: Path
) -> None:
    client = plane.client("prod")
    client.deploy("small", "compat_broken")
    eventually(lambda: client.location("small").error, LOAD_SECONDS, "the failed release")
    client.close()
    page.goto(f"{plane.url}/prod/locations/small/")
    try:
        expect(page.get_by_text("failed_release")).to_be_visible()
        expect(page.get_by_text("broken on purpose")).to_be_visible()
        expect(page.get_by_text("in error, serving ")).to_be_visible()
        page.goto(f"{plane.url}/prod/locations/__repository__@small/jobs/whispering")
        expect(page.get_by_text("whisper", exact=True).first).to_be_visible()
    finally:
        page.screenshot(path=tmp_path / "returned.png")


def test_a_location_that_lost_its_agent_says_since_when_nobody_serves_it(
    page: Page, plane: ControlPlane, tmp_path: Path
) -> None:
    client = plane.client("prod")
    setup = AgentSetup(
        label="mortal",
        token=plane.agent_token("mortal", queues=["mortal"]),
        deployments=["prod"],
        queues=["mortal"],
        default_queue=False,
    )
    with OfficialAgent(plane, own_environment(), setup) as agent:
        client.deploy("lonely", "compat_small", queue="mortal")
        client.wait_until_loaded("lonely")
        agent.kill()
    page.goto(f"{plane.url}/prod/locations/lonely/")
    try:
        expect(page.get_by_text("nobody serves it since")).to_be_visible()
        page.goto(f"{plane.url}/prod/locations/__repository__@lonely/jobs/whispering")
        expect(page.get_by_text("whisper", exact=True).first).to_be_visible()
    finally:
        page.screenshot(path=tmp_path / "lonely.png")
        client.delete_location("lonely")
        client.close()


@contextmanager
def _signed_in(browser: Browser, plane: ControlPlane, token: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(_PAGE_MS)
    opened.goto(f"{plane.url}/sign-in#token={token}")
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url(f"{plane.url}/-/")
    yield opened
    context.close()


def _fault(plane: ControlPlane) -> Path:
    """The file that keeps the location from loading while it exists."""
    return plane.folder / "fault"
