"""What a code server printed arrives without secrets, from pools alone, and within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from dagstead.control.actor import SYSTEM
from dagstead.model.server_logs import LINE_CHARACTERS
from dagstead.plane.secrets import SecretTarget
from dagstead.plane.server_logs import ServerLog
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from tests.support.releases import deploy, new_location
from tests.unit.agent_api.conftest import Wire


@pytest.fixture
def pool(wire: Wire) -> Iterator[Mapping[str, str]]:
    """A pool's agent, and a location that it runs."""
    deploy(wire.store, "prod", [new_location("weather", "1")])
    yield wire.token(TokenKind.POOL, Grant(queues=[None]))
    if any(each.name == "weather" for each in wire.store.locations.all("prod")):
        wire.store.releases.remove("prod", "weather")


def sent(wire: Wire, caller: Mapping[str, str], *lines: str, **more: Any) -> httpx.Response:
    body = {"location": "weather", "server": "s1", "startedAt": 5.0, "isCut": False} | more
    return wire.call("PUT", "/server_log", json={**body, "lines": list(lines)}, headers=caller)


def kept(wire: Wire) -> ServerLog:
    found = wire.store.server_logs.get("prod", "weather")
    assert found is not None
    return found


def test_lines_are_kept_without_secrets_and_tokens(wire: Wire, pool: Mapping[str, str]) -> None:
    wire.control.secrets.set(SYSTEM, "KEY", "hunter2-hunter2", SecretTarget(deployment="prod"))
    worker = new_secret(TokenKind.WORKER, "dagstead")
    padding = "x" * (LINE_CHARACTERS - 8)
    lines = ("connect with hunter2-hunter2", f"env: {worker}", f"{padding}hunter2-hunter2")
    assert sent(wire, pool, *lines).json() == {"kept": True}
    assert list(kept(wire).lines) == [
        "connect with ***",
        "env: worker:dagstead:***",
        f"{padding}***",
    ]


def test_an_older_server_does_not_count(wire: Wire, pool: Mapping[str, str]) -> None:
    assert sent(wire, pool, "new").json() == {"kept": True}
    assert sent(wire, pool, "old", server="s0", startedAt=4.0).json() == {"kept": False}
    assert sent(wire, pool, "new", "newer", endedAt=9.0).json() == {"kept": True}
    assert (list(kept(wire).lines), kept(wire).ended_at) == (["new", "newer"], 9.0)


def test_nobody_else_sends_any(wire: Wire, pool: Mapping[str, str]) -> None:
    assert pool
    answer = sent(wire, wire.token(TokenKind.AGENT, Grant()), "forged")
    assert answer.status_code == 403
    assert "this is for managed pools" in answer.text
    assert wire.store.server_logs.get("prod", "weather") is None


@pytest.mark.parametrize(
    "wrong", [{"startedAt": "NaN"}, {"lines": ["x"] * 501}, {"server": ""}, {"more": 1}]
)
def test_what_no_pool_sends_is_refused(
    wire: Wire, pool: Mapping[str, str], wrong: dict[str, Any]
) -> None:
    body = {"location": "weather", "server": "s", "startedAt": 1.0, "isCut": False, "lines": []}
    answer = wire.call("PUT", "/server_log", json=body | wrong, headers=pool)
    assert answer.status_code == 400


def test_the_log_goes_with_its_location(wire: Wire, pool: Mapping[str, str]) -> None:
    sent(wire, pool, "hello")
    wire.store.releases.remove("prod", "weather")
    assert wire.store.server_logs.get("prod", "weather") is None
    assert sent(wire, pool, "late").json() == {"kept": False}
