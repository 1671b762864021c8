"""Every page, for everybody."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer.main

from dagstead.cli.app import app
from dagstead.console.routes import PAGES
from dagstead.errors import ForbiddenError
from dagstead.testing.clock import ManualClock
from tests.support.alert_policies import damage
from tests.support.console_scene import ConsoleScene
from tests.support.heartbeats import heartbeat_of
from tests.unit.console.conftest import PEOPLE, Console

#: Values for the parts of addresses.
_PARTS = {
    "{deployment}": "prod",
    "{name:path}": "weather",
    "{number:int}": "3",
    "{token:int}": "1",
    "{agent:path}": "eu-7f3a",
    "{run:path}": "nothing",
    "{request:path}": "nothing",
}
_SAME = re.compile(r'<footer class="same">.*?<code>(.*?)</code>', re.DOTALL)
#: Scripts and styles in a page itself, which its policy would not let run.
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def addresses() -> list[str]:
    """An address of every page."""
    found = []
    for path, _ in PAGES:
        address = f"/-/{path}"
        for part, value in _PARTS.items():
            address = address.replace(part, value)
        if path.startswith("queues/of"):
            address = "/-/queues/of/gpu"
        found.append(address)
    return found


#: There is no run in a store without Dagster, and no request of that name.
_MISSING = {"/-/runs/prod/nothing", "/-/requests/prod/nothing"}


@pytest.mark.parametrize("address", addresses())
def test_a_page_is_whole_for_who_may_everything(console: Console, address: str) -> None:
    answer = console.get(address, accept="text/html", **{"accept-encoding": "identity"})
    if address == "/-/wrong":
        assert answer.json() == {"wrong": 4, "attention": 1}
        return
    assert answer.status_code == (404 if address in _MISSING else 200)
    assert answer.text.count("<h1>") == 1
    assert _INLINE.search(answer.text) is None
    assert "{{" not in answer.text
    assert len(answer.content) < 60_000


@pytest.mark.parametrize("address", addresses())
def test_a_page_lets_nothing_in_from_elsewhere(console: Console, address: str) -> None:
    answer = console.get(address)
    if address == "/-/wrong":
        return
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all(nonce[1] in script for script in scripts)
    assert not re.findall(r'(?:src|href)="https?://(?!github\.com/acme/)', answer.text)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("who", [name for name in PEOPLE if name != "the admin"])
@pytest.mark.parametrize("address", addresses())
def test_a_page_shows_nobody_more_than_is_granted(console: Console, address: str, who: str) -> None:
    answer = console.get(address, who)
    assert answer.status_code in {200, 403, 404}
    if who.startswith("the ") or answer.status_code == 404:
        return
    # Of the other deployment, or of other locations; a sentence on a release may name one.
    hidden = ["/warehouse", "SNOWFLAKE_PASSWORD", "embeddings", "invoices"]
    hidden += ["digits", "training"] if who == "of staging" else []
    assert [name for name in hidden if name in answer.text] == []


@pytest.mark.parametrize("address", ["/-/tokens", "/-/trail", "/-/callers", "/-/server"])
def test_who_is_limited_reads_why_a_page_is_not_for_them(console: Console, address: str) -> None:
    answer = console.get(address, "of weather")
    assert answer.status_code == 403
    assert "Your token does not allow this" in answer.text
    assert "needs a token for all deployments" in answer.text


def test_pages_are_not_for_agents(fresh: Console) -> None:
    with pytest.raises(ForbiddenError, match="these pages are for people"):
        fresh.get("/-/", "an agent")


@pytest.mark.parametrize(
    "address",
    [
        "/-/nothing",
        "/-/locations/prod/nothing",
        "/-/locations/nothing/weather",
        "/-/releases/prod/99",
        "/-/agents/nobody",
        "/-/tokens/99",
        "/-/queues/of/nothing",
        "/-/deployments/nothing",
    ],
)
def test_what_is_not_there_is_a_page(console: Console, address: str) -> None:
    answer = console.get(address)
    assert answer.status_code == 404
    assert "There is no such thing" in answer.text
    assert 'id="rail"' in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/-/releases?below=x",
        "/-/trail?below=x",
        "/-/trail?below=99999999999999999999",
        "/-/trail?result=x",
        "/-/tokens/new?kind=x",
    ],
)
def test_an_address_that_makes_no_sense_says_so(console: Console, address: str) -> None:
    answer = console.get(address)
    assert answer.status_code == 422
    assert 'class="prose"' in answer.text


@pytest.mark.parametrize("address", addresses())
def test_a_page_names_a_command_that_exists(console: Console, address: str) -> None:
    found = _SAME.search(console.get(address).text)
    if found is None:
        return
    words = shlex.split(found[1].replace("&#39;", "'"))
    assert words[0] == "dagstead"
    command: Any = typer.main.get_command(app)
    for word in words[1:]:
        if not hasattr(command, "commands"):
            break
        command = command.commands[word]
    assert not hasattr(command, "commands")
    options = {name for each in command.params for name in each.opts}
    assert {word for word in words if word.startswith("--")} <= {*options, "--help"}


@pytest.mark.parametrize(
    "address", ["/-/", "/-/locations", "/-/queues", "/-/agents", "/-/runs", "/-/requests"]
)
def test_a_part_of_a_page_comes_alone(console: Console, address: str) -> None:
    answer = console.get(address, **{"hx-request": "true", "hx-target": "live"})
    assert "<h1>" in answer.text
    assert "<html" not in answer.text
    assert 'id="rail"' not in answer.text


def test_an_empty_installation_is_told_what_to_do(empty: Console) -> None:
    page = empty.get("/-/").text
    assert "Three steps to your first run" in page
    assert "export DAGSTER_CLOUD_URL=https://dagstead.example" in page
    assert "dagstead deploy" in page
    for address, says in (
        ("/-/locations", "Nothing is deployed yet"),
        ("/-/agents", "No agent has called yet"),
        ("/-/releases", "No release yet"),
        ("/-/routes", "Nothing is deployed yet"),
        ("/-/runs", "No run waits"),
        ("/-/requests", "No request waits"),
        ("/-/callers", "Nobody was refused"),
        ("/-/secrets", "No secret reaches this deployment"),
    ):
        assert says in empty.get(address).text


def test_steps_are_ticked_as_they_happen(fresh: Console, empty: Console) -> None:
    assert 'class="done"' not in empty.get("/-/").text
    empty.store.agents.record([heartbeat_of(None, now=empty.store.clock())])
    assert empty.get("/-/").text.count('class="done"') == 1
    assert fresh.get("/-/").text.count('class="done"') == 2
    clock = fresh.store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(4000)
    assert "Three steps" not in fresh.get("/-/").text


def test_home_has_what_is_wrong_and_leads_there(console: Console) -> None:
    page = console.get("/-/").text
    assert "Nobody serves queue &#39;gpu&#39;" in page
    assert 'href="/-/queues/of/gpu"' in page
    assert "Agent gpu-cluster is down" in page
    assert 'href="/-/agents/gpu-01"' in page
    assert "Release 5 failed" in page
    assert "invoices is in error" in page


def test_an_error_begins_with_the_code_that_was_deployed(console: Console) -> None:
    page = console.get("/-/locations/prod/invoices").text
    innermost = page.index("No module named")
    own = page.index("/app/warehouse/resources.py")
    packages = page.index("importlib")
    assert innermost < own < packages


def test_a_release_shows_what_is_different(console: Console) -> None:
    page = console.get("/-/releases/prod/3").text
    assert "<dt>commit</dt>" in page
    assert "4f1c2a9be07d11c5" in page
    assert "9b30d7724ac1e8f0" in page
    assert "from <a" in page


def test_search_finds_by_a_part_of_a_name(console: Console) -> None:
    answer = console.get("/-/search?q=embed")
    assert answer.headers["location"] == "/-/locations/prod/embeddings"
    page = console.get("/-/search?q=weather&stay=1").text
    assert 'href="/-/locations/staging/weather"' in page
    assert 'href="/-/agents/gpu-01"' in console.get("/-/search?q=gpu").text
    assert 'href="/-/releases/prod/5"' in console.get("/-/search?q=c07e55d1").text
    assert "warehouse" not in console.get("/-/search?q=w", "of weather").text


def test_lists_are_filtered_by_their_address(console: Console) -> None:
    page = console.get("/-/locations?state=wrong").text
    assert "embeddings" in page
    assert "/forecasts" not in page
    assert "/forecasts" in console.get("/-/locations?q=fore").text
    assert "No location fits" in console.get("/-/locations?q=nothing").text
    assert "/-/locations/prod/" not in console.get("/-/locations?deployment=staging").text


def test_an_alert_policy_that_cannot_be_read_is_on_its_page_and_on_home(console: Console) -> None:
    ConsoleScene(console.store).alerts()
    damage(console.store, "on-call")
    page = console.get("/-/alerts?deployment=prod").text
    assert "Alert policy on-call of prod cannot be read" in page
    assert "failed loads" in page
    home = console.get("/-/").text
    assert "Alert policy on-call cannot be read" in home
    assert "/-/alerts?deployment=prod" in home
