"""Official agents load code locations, alone and as releases, and say why one cannot be loaded."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dagstead.testing.waiting import eventually
from tests.support.deployment import LOAD_SECONDS, USER_CODE, LoadedLocation
from tests.support.fleet import (
    DEFAULT_AGENT,
    DEFAULT_LOCATION,
    NAMED_AGENT,
    NAMED_LOCATION,
    NAMED_QUEUE,
    Fleet,
    of_the_newest_minor,
    of_the_newest_minor_every_day,
)

pytestmark = pytest.mark.compat

CREATE = """
mutation ($document: GenericScalar!) {
  createRelease(document: $document) {
    __typename
    ... on Release { number }
    ... on InvalidLocationError { errors }
    ... on PythonError { message }
  }
}
"""
SHOW = """
query ($number: Int!) {
  release(number: $number) {
    state reason parts { locationName state phase error { causes { message } } }
  }
}
"""


@of_the_newest_minor_every_day
def test_both_upload_schemes_bring_the_same_definitions(fleet: Fleet) -> None:
    first = fleet.deployment.served_jobs(DEFAULT_LOCATION)
    second = fleet.deployment.served_jobs(NAMED_LOCATION)

    assert {"plain_assets", "greeting", "failing"} <= first
    assert first == second
    log = fleet.plane.web_log
    assert _was_called(log, "PUT /upload_workspace_entry", DEFAULT_AGENT)
    assert not _was_called(log, "PUT /code_location_update_result", DEFAULT_AGENT)
    assert _was_called(log, "PUT /code_location_update_result", NAMED_AGENT)
    assert not _was_called(log, "PUT /upload_workspace_entry", NAMED_AGENT)


@of_the_newest_minor_every_day
def test_a_broken_deploy_is_explained_while_the_definitions_before_it_serve(fleet: Fleet) -> None:
    explained_while_what_was_before_serves(fleet, "changing", None)
    fleet.deployment.delete_location("changing")


@pytest.mark.thorough
@of_the_newest_minor
def test_a_broken_deploy_is_explained_by_an_agent_with_direct_uploads(fleet: Fleet) -> None:
    explained_while_what_was_before_serves(fleet, "changing_named", NAMED_QUEUE)

    fleet.deployment.deploy("changing_named", "compat_small", queue=NAMED_QUEUE)
    fleet.deployment.wait_until_loaded("changing_named")
    fleet.deployment.delete_location("changing_named")


def explained_while_what_was_before_serves(fleet: Fleet, name: str, queue: str | None) -> None:
    deployment = fleet.deployment
    deployment.deploy(name, "compat_small", queue=queue)
    deployment.wait_until_loaded(name)

    deployment.deploy(name, "compat_broken", queue=queue)
    broken = eventually(
        lambda: _with_error(deployment.location(name)),
        LOAD_SECONDS,
        f"the error of {name}",
        retry_on=(httpx.TransportError,),
    )

    assert broken is not None
    assert "the code location is broken on purpose" in str(broken.error)
    assert "in read_configuration" in str(broken.error)
    assert "whispering" in deployment.served_jobs(name)
    # The official agent has stopped the code server of before, and starts it again.
    run_id = deployment.launch(name, "whispering", tags={"dagster/isolation": "disabled"})
    deployment.succeed(run_id)
    assert deployment.captured(run_id)["stdout"] == f"whispered on {name}\n"


@of_the_newest_minor
def test_one_broken_location_sends_all_back_and_runs_start_on_what_is_live(fleet: Fleet) -> None:
    deployment = fleet.deployment
    first = _ended(fleet, _create(fleet, one="compat_small", two="compat_small"))
    assert first["state"] == "live"
    assert {each["phase"] for each in first["parts"]} <= {"taken", "importing"}

    second = _ended(fleet, _create(fleet, one="compat_definitions", two="compat_broken"))

    assert (second["state"], second["reason"]) == ("failed", "'released_two' did not load.")
    states = {each["locationName"]: each["state"] for each in second["parts"]}
    assert states == {"released_one": "back", "released_two": "failed"}
    assert "broken on purpose" in str(second["parts"][1]["error"])
    for name in ("released_one", "released_two"):
        assert "whispering" in deployment.served_jobs(name)
        assert "failing" not in deployment.served_jobs(name)
        deployment.succeed(deployment.launch(name, "whispering"))
    shown = deployment.location("released_one").error
    assert "because 'released_two' did not load" in str(shown)
    for name in ("released_one", "released_two"):
        deployment.delete_location(name)


def _create(fleet: Fleet, **modules: str) -> int:
    """Begin a release of locations on both agents; its number."""
    queues = {"one": None, "two": NAMED_QUEUE}
    locations = [
        {
            "location_name": f"released_{name}",
            "code_source": {"module_name": module},
            "working_directory": str(USER_CODE),
            "agent_queue": queues[name],
        }
        for name, module in modules.items()
    ]
    answer = fleet.deployment.graphql(CREATE, document={"locations": locations})["createRelease"]
    assert answer["__typename"] == "Release", answer
    number: int = answer["number"]
    return number


def _ended(fleet: Fleet, number: int) -> dict[str, Any]:
    """A release, once it has ended."""

    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = fleet.deployment.graphql(SHOW, number=number)["release"]
        return found if found["state"] != "loading" else None

    found = eventually(probe, LOAD_SECONDS, f"the end of release {number}")
    assert found is not None
    return found


def _with_error(location: LoadedLocation) -> LoadedLocation | None:
    return location if location.error is not None and location.load_status == "LOADED" else None


def _was_called(log: str, call: str, token: str) -> bool:
    return any(call in line and f"'{token}'" in line for line in log.splitlines())
