"""Runs that wait are canceled from their list, and found by a part of their ids."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.plane.run_queue import QueuedRun, RunStatus
from dagstead.plane.trail import TrailFilter
from tests.unit.console.conftest import Console
from tests.unit.console.test_acts import note_of

RUNS = (
    "2871f19b-0000-4000-8000-000000000001",
    "9c04ab11-0000-4000-8000-000000000002",
    "9c04ab11-0000-4000-8000-000000000003",
)
CANCEL = "/-/runs/cancel"


@pytest.fixture
def waiting(fresh: Console) -> Console:
    """Two runs of weather wait, and one of digits."""
    for run_id, location in zip(RUNS, ("weather", "weather", "digits"), strict=True):
        fresh.dagster.stored[run_id] = QueuedRun(
            run_id=run_id,
            status=RunStatus.QUEUED,
            location=location,
            created_at=fresh.store.clock(),
            updated_at=fresh.store.clock(),
        )
        prod = fresh.store.deployments.get("prod")
        fresh.control.launches.submit(SYSTEM, prod, run_id, location)
    return fresh


def chosen(*runs: str) -> dict[str, Any]:
    return {"run": [f"prod/{run_id}" for run_id in runs]}


def statuses(console: Console) -> list[RunStatus]:
    return [console.dagster.stored[run_id].status for run_id in RUNS]


def test_several_are_canceled_once_it_is_confirmed(waiting: Console) -> None:
    page = waiting.get("/-/runs").text
    values = re.findall(r'name="run" value="([^"]+)"', page)
    assert set(values) == {f"prod/{run_id}" for run_id in RUNS}
    asked = waiting.post(CANCEL, **chosen(*RUNS[:2]))
    assert asked.status_code == 200
    assert "They end as canceled and do not start" in asked.text
    assert RunStatus.CANCELED not in statuses(waiting)
    done = waiting.post(CANCEL, **chosen(*RUNS[:2]), step="cancel")
    assert note_of(done) == "2 runs are canceled."
    assert statuses(waiting) == [RunStatus.CANCELED, RunStatus.CANCELED, RunStatus.QUEUED]
    rows = waiting.store.trail.find(TrailFilter(act="runs.cancel"))
    assert {row.said["on"]["object"] for row in rows} == {f"run {run_id}" for run_id in RUNS[:2]}
    assert rows[0].said["who"]["name"] == "the admin"


def test_what_has_started_meanwhile_is_left_and_named(waiting: Console) -> None:
    stored = waiting.dagster.stored
    stored[RUNS[0]] = QueuedRun(
        run_id=RUNS[0],
        status=RunStatus.STARTED,
        location="weather",
        created_at=1.0,
        updated_at=2.0,
    )
    note = note_of(waiting.post(CANCEL, **chosen(*RUNS[:2]), step="cancel"))
    assert note.startswith("1 run is canceled. Run 2871f19b has started meanwhile")
    alone = waiting.post(CANCEL, **chosen(RUNS[0]), step="cancel")
    assert alone.status_code == 409
    assert "has started meanwhile" in alone.text


def test_of_an_agent_that_is_away_it_says_so(waiting: Console) -> None:
    waiting.dagster.out_of_reach.add(RUNS[0])
    note = note_of(waiting.post(CANCEL, **chosen(RUNS[0]), step="cancel"))
    assert "with an agent that is away" in note


def test_nothing_chosen_is_said_on_the_list(waiting: Console) -> None:
    answer = waiting.post(CANCEL)
    assert answer.status_code == 422
    assert "Mark at least one row" in answer.text
    assert "Runs waiting" in answer.text
    assert "Runs waiting" in waiting.get(CANCEL).text


def test_a_role_at_a_location_is_for_its_runs(waiting: Console) -> None:
    who = "the launcher of weather"
    assert "1 run is canceled." in note_of(
        waiting.post(CANCEL, who, **chosen(RUNS[0]), step="cancel")
    )
    refused = waiting.post(CANCEL, who, **chosen(RUNS[2]), step="cancel")
    assert refused.status_code == 403
    for other in ("the viewer", "of staging", "of weather"):
        answer = waiting.post(CANCEL, other, **chosen(RUNS[1]), step="cancel")
        assert answer.status_code == 403, other
    assert statuses(waiting)[1:] == [RunStatus.QUEUED, RunStatus.QUEUED]
    assert "Cancel…" not in waiting.get("/-/runs", "the viewer").text
    assert "Cancel…" in waiting.get(f"/-/runs/prod/{RUNS[1]}").text


def test_runs_are_found_by_any_part_of_their_ids(waiting: Console) -> None:
    found = waiting.get("/-/search?q=9c04ab11").text
    assert all(run_id in found for run_id in RUNS[1:])
    one = waiting.get("/-/search?q=F19B-0000")
    assert one.headers["location"] == f"/-/runs/prod/{RUNS[0]}"
    assert RUNS[0] not in waiting.get("/-/search?q=28&stay=1").text
    for who in ("of staging", "of weather"):
        assert RUNS[0] not in waiting.get("/-/search?q=2871f19b&stay=1", who).text
    assert RUNS[0] not in waiting.get("/-/search?q=%25&stay=1").text
