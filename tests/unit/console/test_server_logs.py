"""The log of a code server on the page of its location, or where that is."""

from __future__ import annotations

import pytest

from dagstead.plane.server_logs import ServerLog, place_of
from tests.support.console_scene import HOSTILE
from tests.unit.console.conftest import Console


def log_of(*lines: str, ended_at: float | None = None, is_cut: bool = False) -> ServerLog:
    return ServerLog(server="s", started_at=1.0, ended_at=ended_at, lines=lines, is_cut=is_cut)


def test_what_a_pool_sent_is_shown_and_nothing_but_text(fresh: Console) -> None:
    fresh.store.server_logs.put("prod", "weather", log_of("Reading the grid", HOSTILE, "\x1b[2J"))
    page = fresh.get("/-/locations/prod/weather").text
    assert "Reading the grid" in page
    assert "<img src=x" not in page
    assert "\x1b" not in page
    assert "The last lines" not in page


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (log_of(), "Nothing yet."),
        (log_of(ended_at=2.0), "It ended without a word."),
        (log_of("x", is_cut=True), "The last lines"),
        (None, "A code server that a managed pool starts"),
    ],
)
def test_what_there_is_not_is_said(fresh: Console, log: ServerLog | None, says: str) -> None:
    if log is not None:
        fresh.store.server_logs.put("prod", "weather", log)
    assert says in fresh.get("/-/locations/prod/weather").text


def test_of_an_official_agent_it_says_where_the_log_is(fresh: Console) -> None:
    page = fresh.get("/-/locations/prod/warehouse").text
    assert "does not send what its code server prints" in page
    assert "kubectl logs --selector location_hash=" in page


@pytest.mark.parametrize("kind", ["Docker", "K8s", "Ecs", "Process", None, "Other"])
def test_of_each_kind_of_agent_it_is_somewhere(kind: str | None) -> None:
    place = place_of(kind and f"{kind}UserCodeLauncher", "prod", 'weather\'s "own"')
    assert place.says.startswith("An official agent runs this code")
    if place.command is not None:
        # The label is of the location, and safe in every shell.
        assert "own" not in place.command
        assert place.command.split()[1] == "logs"


def test_only_who_sees_the_location_reads_its_log(fresh: Console) -> None:
    fresh.store.server_logs.put("prod", "digits", log_of("private words"))
    assert "private words" in fresh.get("/-/locations/prod/digits").text
    for who in ("of staging", "of weather"):
        answer = fresh.get("/-/locations/prod/digits", who)
        assert answer.status_code == 403
        assert "private words" not in answer.text
