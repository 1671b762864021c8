"""What agents have not answered is listed, and one request says what became of it."""

from __future__ import annotations

import pytest

from dagstead.plane.requests import LAUNCH_RUN, NewRequest
from tests.unit.console.conftest import Console

RUN = "2871f19b-0000-4000-8000-000000000001"
PLAN, LAUNCH = "5f0c2d11-plan", "a1b2c3d4-launch"


@pytest.fixture
def asked(fresh: Console) -> Console:
    """A plan of weather, and the launch of a run."""
    for request_id, api, run_id in (
        (PLAN, "GET_EXTERNAL_EXECUTION_PLAN", None),
        (LAUNCH, LAUNCH_RUN, RUN),
    ):
        fresh.store.requests.submit(
            NewRequest(
                id=request_id,
                api=api,
                deployment="prod",
                queue="nowhere",
                location="weather",
                run_id=run_id,
                body="",
                expires_at=fresh.store.clock() + 600,
            )
        )
    return fresh


def test_each_says_what_is_asked_and_why_it_waits(asked: Console) -> None:
    page = asked.get("/-/requests").text
    assert "2 requests without an answer, the oldest first" in page
    assert page.index("Execution plan") < page.index("Launch run")
    assert f"/-/runs/prod/{RUN}" in page
    assert page.count("serves queue &#39;nowhere&#39;") >= 2


def test_one_says_what_became_of_it(asked: Console) -> None:
    address = f"/-/requests/prod/{PLAN}"
    assert "Waits" in asked.get(address).text
    asked.store.requests.expire("prod", [PLAN])
    page = asked.get(address).text
    assert "Does not wait" in page
    assert "Nobody waits for its answer any more" in page
    assert PLAN[:8] not in asked.get("/-/requests").text


def test_those_of_other_deployments_are_not_shown(asked: Console) -> None:
    assert "No request waits" in asked.get("/-/requests", "of staging").text
    assert asked.get(f"/-/requests/prod/{PLAN}", "of staging").status_code in {403, 404}
    assert asked.get("/-/requests", "of weather").status_code == 403


def test_one_that_is_not_there_is_explained(asked: Console) -> None:
    answer = asked.get("/-/requests/prod/nothing")
    assert answer.status_code == 404
    assert "are kept for an hour" in answer.text
