"""Names that would be markup, or change what people read around them, on every page."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.deployments import Branch
from dagstead.plane.locations import NewLocation
from dagstead.plane.queues import QueueChange
from dagstead.plane.releases import NewRelease
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.testing.clock import ManualClock
from tests.support.console_scene import HOSTILE
from tests.support.heartbeats import heartbeat_of
from tests.support.stores import empty_store
from tests.unit.console.conftest import Console, console_over, with_people
from tests.unit.console.test_pages import addresses

#: What the store takes, as older versions did, and some of it from agents.
_CONTROLS = "\x1b[31mred\x1b[0m \u202eemordnilap\u2066 \x07"
_TEXT = f"{HOSTILE} {_CONTROLS}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    store = empty_store(tmp_path_factory.mktemp("hostile"), ManualClock())
    store.deployments.create("prod")
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    with_people(store)
    token = store.tokens.create(_TEXT, TokenKind.AGENT, "agent of it", Grant())
    store.agents.record(
        [
            heartbeat_of(
                _TEXT,
                now=store.clock(),
                agent_id=HOSTILE,
                token_id=token.id,
                label=_TEXT,
                type=_TEXT,
                version=_TEXT,
                metadata={"refused_queues": [_TEXT], "image_tag": _TEXT},
            )
        ]
    )
    document = {
        "location_name": HOSTILE,
        "image": _TEXT,
        "agent_queue": HOSTILE,
        "git": {"commit_hash": _TEXT, "url": "javascript:alert(1)"},
    }
    new = NewLocation(
        name=HOSTILE, document=document, deploy_data="{}", deploy_id="1", queue=HOSTILE
    )
    store.releases.begin(
        "prod",
        NewRelease(locations=[new], commit_hash=_TEXT, url="javascript:alert(1)", by=_TEXT),
    )
    error = {"message": _TEXT, "stack": [_TEXT], "cls_name": HOSTILE, "cause": None}
    store.releases.set_failed("prod", HOSTILE, deploy_id="1", error=json.dumps(error))
    branch = Branch(
        repo_name=HOSTILE,
        branch_name=HOSTILE,
        pull_request_url="javascript:alert(1)",
        pull_request_number=_TEXT,
        commit_message=_TEXT,
        commit_hash=_TEXT,
        author_name=_TEXT,
    )
    store.deployments.create_or_update_branch(branch, "prod")
    made = console_over(store)
    made.control.queues.set(COMMAND_LINE, HOSTILE, QueueChange(owner=HOSTILE, description=HOSTILE))
    made.control.queues.pause(COMMAND_LINE, HOSTILE, HOSTILE, None)
    yield made
    store.close()


def _addresses() -> list[str]:
    quoted = "%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%27%22%26amp%3B%20%7D%7D%7B%7B7%2A7%7D%7D"
    own = [f"/-/locations/prod/{quoted}", f"/-/queues/of/{quoted}", f"/-/agents/{quoted}"]
    return [*addresses(), *own, "/-/releases/prod/1", f"/-/search?q={quoted}&stay=1", "/-/tokens/6"]


@pytest.mark.parametrize("address", _addresses())
def test_a_name_stays_a_name(hostile: Console, address: str) -> None:
    page = hostile.get(address).text
    assert "<img src=x" not in page
    assert "}}49" not in page
    assert "javascript:" not in page
    assert [control for control in "\x1b\u202e\u2066\x07" if control in page] == []


def test_the_names_are_there(hostile: Console) -> None:
    for address in ("/-/locations", "/-/queues", "/-/agents", "/-/tokens", "/-/deployments"):
        page = hostile.get(address).text
        assert "&lt;img src=x onerror=alert(1)&gt;" in page, address
    page = hostile.get(_addresses()[-6]).text
    assert "&lt;img src=x" in page
    assert "\\x1b" in hostile.get("/-/tokens").text
