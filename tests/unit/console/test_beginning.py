"""The first steps, with a token that a click makes: shown once, named, ending, and for deploys."""

from __future__ import annotations

import html
import re

from dagstead.plane.roles import Role
from dagstead.plane.tokens import TokenKind
from tests.support.heartbeats import heartbeat_of
from tests.unit.console.conftest import Console

_SECRET = re.compile(r"user:dagstead:\w+")
_PART = {"hx-request": "true", "hx-target": "live"}
BEGIN = "/-/begin?shown=1"


def test_the_token_is_made_by_a_click_and_shown_once(empty: Console) -> None:
    before = len(empty.store.tokens.all())
    assert "Fill in a fresh token" in empty.get("/-/").text
    assert len(empty.store.tokens.all()) == before
    made = empty.post(BEGIN)
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert "content-encoding" not in made.headers
    (shown,) = set(_SECRET.findall(made.text))
    token = empty.store.tokens.authenticate(shown)
    assert (token.kind, token.name) == (TokenKind.USER, "first steps of the admin")
    assert token.deployments == frozenset({"prod"})
    assert not token.branch_deployments
    assert token.roles.default is Role.EDITOR
    assert token.expires_at == empty.store.clock() + 7 * 86_400
    for address in ("/-/", BEGIN, "/-/begin", "/-/tokens", f"/-/tokens/{token.id}", "/-/trail"):
        assert shown not in empty.get(address).text
    # What the open page asks for again leaves the commands above it alone.
    part = empty.get(BEGIN, **_PART).text
    assert "With the commands above" in part
    assert "Fill in a fresh token" not in part
    assert "Fill in a fresh token" in empty.get(BEGIN).text


def test_the_commands_are_whole(empty: Console) -> None:
    page = html.unescape(empty.post(BEGIN).text)
    found = re.search(r"<pre[^>]*>(export DAGSTER_CLOUD_URL.*?)</pre>", page, re.DOTALL)
    assert found
    lines = found[1].splitlines()
    assert lines[0] == "export DAGSTER_CLOUD_URL=https://dagstead.example"
    assert lines[2] == "export DAGSTER_CLOUD_DEPLOYMENT=prod"
    assert lines[-2:] == ["dagstead check", "dagstead deploy"]
    assert "…" not in found[1]


def test_who_may_not_make_tokens_gets_none(empty: Console) -> None:
    before = len(empty.store.tokens.all())
    for who in ("the viewer", "of weather", "of staging"):
        assert empty.post(BEGIN, who).status_code == 403
        assert empty.get("/-/begin", who).status_code == 403
        assert "Fill in a fresh token" not in empty.get("/-/", who).text
    assert len(empty.store.tokens.all()) == before


def test_steps_are_ticked_on_their_own_page_too(fresh: Console, empty: Console) -> None:
    assert 'class="done"' not in empty.get(BEGIN, **_PART).text
    empty.store.agents.record([heartbeat_of(None, now=empty.store.clock())])
    assert empty.get(BEGIN, **_PART).text.count('class="done"') == 1
    page = fresh.get("/-/begin").text
    assert page.count('class="done"') == 2
    assert "is live. Choose a job" in page
