"""From an empty installation to the first run of one's own code: counted, and in pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.support.browsers import CHROMIUM
from tests.support.debian import chromium
from tests.support.pex import borrowing_wheel
from tests.support.pool_plane import Plane, plane_command, running_plane, stored_in

pytestmark = pytest.mark.browser

_PAGE_MS = 60_000
_LOAD_MS = 240_000
MOST_CLICKS = 10

SETUP = """
from setuptools import setup
setup(name="bakery", py_modules=["bakery"], install_requires={needs})
"""
CODE = """
import dagster as dg

@dg.op
def bake():
    print("the first bread")

@dg.job
def bread():
    bake()

defs = dg.Definitions(jobs=[bread])
"""
DOCUMENT = """
locations:
  - location_name: bakery
    code_source: {module_name: bakery}
    build: {directory: .}
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """``dagstead up`` in an empty folder."""
    with running_plane(tmp_path_factory.mktemp("plane")) as started:
        yield started


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository of one's own, with the Dagster of the tests."""
    folder, wheels = tmp_path / "bakery", tmp_path / "wheels"
    folder.mkdir()
    wheels.mkdir()
    needs = [
        f"{name} @ {borrowing_wheel(wheels, name).as_uri()}"
        for name in ("dagster", "dagster-cloud")
    ]
    for name, text in (
        ("setup.py", SETUP.format(needs=needs)),
        ("bakery.py", CODE),
        ("dagster_cloud.yaml", DOCUMENT),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM))
        context = launched.new_context(
            viewport={"width": 1360, "height": 900},
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(_PAGE_MS)
        yield context.new_page()
        launched.close()


@dataclass
class Hand:
    """Clicks, counts, and keeps a picture of what came of each click."""

    page: Page
    pictures: Path
    clicks: list[str] = field(default_factory=list)

    def click(self, what: Locator, then: Locator, words: str) -> None:
        """Click on something, and wait for what it leads to."""
        what.click()
        self.clicks.append(words)
        expect(then.first).to_be_visible()
        self.keep(f"{len(self.clicks):02d}-{words}")

    def keep(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True)


def run_as_copied(text: str, folder: Path) -> str:
    """What a shell prints to whom pastes this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAG")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=folder,
        env={**kept, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_ten_clicks_lead_to_the_first_run_of_ones_own_code(
    plane: Plane, repository: Path, page: Page, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    hand = Hand(page, pictures)
    said = plane_command("token", "link", *stored_in(plane.data))
    link = next(word for word in said.split() if "#link=" in word)
    page.goto(f"{plane.url}/sign-in#{link.partition('#')[2]}")
    page.get_by_label("Your name").fill("ada")
    hand.keep("00-sign-in")
    fill_in = page.get_by_role("button", name="Fill in a fresh token")
    console = page.get_by_role("link", name="Open the console")
    hand.click(page.get_by_role("button", name="Sign in"), console, "sign in")
    hand.click(console, fill_in, "open the console")
    copy = page.get_by_role("button", name="Copy the commands with the token")
    hand.click(fill_in, copy, "fill in a fresh token")
    hand.click(copy, page.get_by_text("Copied").first, "copy")
    copied = page.evaluate("navigator.clipboard.readText()")

    said = run_as_copied(copied, repository)
    assert "bakery" in said

    shows_that_it_is_live(hand)
    launches_it(hand)
    assert len(hand.clicks) <= MOST_CLICKS, hand.clicks
    page.goto(f"{plane.url}/-/begin")
    expect(page.get_by_text("That was it")).to_be_visible()
    hand.keep("99-the steps are done")


def shows_that_it_is_live(hand: Hand) -> None:
    ready = hand.page.get_by_text("bakery is live")
    expect(ready).to_be_visible(timeout=_LOAD_MS)
    hand.keep("04-deployed, without a click")


def launches_it(hand: Hand) -> None:
    page = hand.page
    jobs = page.get_by_role("link", name="Jobs")
    hand.click(page.get_by_role("link", name="Open it in Dagster"), jobs, "open in Dagster")
    job = page.locator("a[href$='/jobs/bread']")
    hand.click(jobs.last, job, "jobs")
    launchpad = page.get_by_role("tab", name="Launchpad")
    hand.click(job.first, launchpad, "bread")
    launch = page.get_by_role("button", name="Launch Run")
    hand.click(launchpad, launch, "launchpad")
    hand.click(launch, page.get_by_text("RUN_").first, "launch")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=_LOAD_MS)
    hand.keep("99-the run has ended")
