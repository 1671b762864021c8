"""Official agents execute runs, each on the queue of its location, and can be told to end them."""

from __future__ import annotations

from collections import Counter

import pytest
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApi
from sqlalchemy import func, select

from dagstead.store.tables import requests
from dagstead.testing.waiting import eventually
from tests.support.fleet import (
    DEFAULT_AGENT,
    DEFAULT_LOCATION,
    NAMED_AGENT,
    NAMED_LOCATION,
    Fleet,
    of_the_newest_minor,
)

pytestmark = pytest.mark.compat

PLAN = DagsterCloudApi.GET_EXTERNAL_EXECUTION_PLAN.value
AGENT_LABEL = "dagster/agent_label"

#: In the code server's process: the run starts at once, for tests that are about something else.
NOT_ISOLATED = {"dagster/isolation": "disabled"}


def test_assets_and_their_checks_run_with_every_event_once(fleet: Fleet) -> None:
    run_id = fleet.deployment.launch(DEFAULT_LOCATION, "plain_assets")

    fleet.deployment.succeed(run_id)

    kinds = Counter(each["__typename"] for each in fleet.deployment.events(run_id))
    assert kinds["RunStartEvent"] == kinds["RunSuccessEvent"] == 1
    assert kinds["MaterializationEvent"] == 2
    assert kinds["AssetCheckEvaluationEvent"] == 1
    assert kinds["ExecutionStepSuccessEvent"] == 3
    output = fleet.deployment.captured(run_id)
    assert "said on stdout" in output["stdout"]
    assert "said on stderr" in output["stderr"]
    assert "said to the event log" in fleet.deployment.messages(run_id)


def test_each_run_goes_to_the_agent_of_its_queue_with_its_own_secrets(fleet: Fleet) -> None:
    deployment = fleet.deployment
    on_default = deployment.launch(DEFAULT_LOCATION, "greeting", config=_greet("default"))
    on_named = deployment.launch(NAMED_LOCATION, "greeting", config=_greet("named"))

    assert deployment.succeed(on_default)["tags"][AGENT_LABEL] == DEFAULT_AGENT
    assert deployment.succeed(on_named)["tags"][AGENT_LABEL] == NAMED_AGENT
    assert deployment.captured(on_default)["stdout"] == "hello, default\n"
    assert deployment.captured(on_named)["stdout"] == "good day, named\n"


def test_the_plan_of_a_job_is_asked_once(fleet: Fleet) -> None:
    def launch() -> int:
        """How often agents were asked for a plan."""
        before = _plans_asked(fleet)
        fleet.deployment.succeed(
            fleet.deployment.launch(
                DEFAULT_LOCATION, "greeting", config=_greet("again"), tags=NOT_ISOLATED
            )
        )
        return _plans_asked(fleet) - before

    assert launch() >= 1
    # Its agent may upload the same definitions again, shortly after it has come up; a question is
    # then asked again.
    eventually(lambda: launch() == 0, 120, "a launch that asks nobody")


def test_events_come_over_rest_when_the_agent_is_told_so(fleet: Fleet) -> None:
    run_id = fleet.deployment.launch(NAMED_LOCATION, "reflecting", tags=NOT_ISOLATED)
    fleet.deployment.succeed(run_id)

    senders = {
        line.rpartition("token ")[2]
        for line in fleet.plane.web_log.splitlines()
        if "POST /store_events 200" in line
    }

    assert [sender.split()[1].strip("'") for sender in senders] == [NAMED_AGENT]
    kinds = Counter(each["__typename"] for each in fleet.deployment.events(run_id))
    assert kinds["RunStartEvent"] == kinds["RunSuccessEvent"] == 1


def test_an_error_in_user_code_is_shown_with_its_stack(fleet: Fleet) -> None:
    run_id = fleet.deployment.launch(DEFAULT_LOCATION, "failing")

    fleet.deployment.wait_for_run(run_id, {"FAILURE"})

    messages = fleet.deployment.messages(run_id)
    assert "ValueError: broken on purpose" in messages
    assert "in break_down" in messages


@pytest.mark.parametrize("location", [DEFAULT_LOCATION, NAMED_LOCATION])
def test_a_run_under_way_is_terminated(fleet: Fleet, location: str) -> None:
    deployment = fleet.deployment
    run_id = deployment.launch(location, "endless")
    deployment.wait_for_run(run_id, {"STARTED"})
    eventually(
        lambda: "ExecutionStepStartEvent" in {e["__typename"] for e in deployment.events(run_id)},
        60,
        "the first step",
    )

    deployment.terminate(run_id)

    assert deployment.wait_for_run(run_id, {"CANCELED"})["status"] == "CANCELED"


def test_a_run_without_isolation_runs_in_the_code_server(fleet: Fleet) -> None:
    run_id = fleet.deployment.launch(
        DEFAULT_LOCATION, "greeting", config=_greet("you"), tags=NOT_ISOLATED
    )

    run = fleet.deployment.succeed(run_id)

    assert fleet.deployment.captured(run_id)["stdout"] == "hello, you\n"
    assert "process/pid" not in run["tags"]


def test_user_code_uses_the_storage_behind_the_agent(fleet: Fleet) -> None:
    fleet.deployment.succeed(
        fleet.deployment.launch(
            DEFAULT_LOCATION, "__ASSET_JOB", assets=["source"], tags=NOT_ISOLATED
        )
    )

    run_id = fleet.deployment.launch(DEFAULT_LOCATION, "reflecting", tags=NOT_ISOLATED)

    assert fleet.deployment.succeed(run_id)["tags"]["from"] == "user code"
    assert fleet.deployment.captured(run_id)["stdout"].splitlines() == [
        "partitions: blue,red",
        "own status: STARTED",
        "source is made: True",
        "state version: version-1",
        "state: state of a component",
    ]
    coloured = fleet.deployment.launch(
        DEFAULT_LOCATION,
        "__ASSET_JOB",
        assets=["coloured"],
        tags={**NOT_ISOLATED, "dagster/partition": "red"},
    )
    fleet.deployment.succeed(coloured)


@of_the_newest_minor
def test_a_failed_run_is_tried_again_as_its_tags_say(fleet: Fleet) -> None:
    first = fleet.deployment.launch(DEFAULT_LOCATION, "retried", tags=NOT_ISOLATED)

    fleet.deployment.wait_for_run(first, {"FAILURE"})

    second = eventually(
        lambda: fleet.deployment.runs(tags=[{"key": "dagster/parent_run_id", "value": first}]),
        60,
        "the second try",
    )[0]
    assert second["tags"]["dagster/retry_number"] == "1"
    fleet.deployment.succeed(second["runId"])


def test_a_backfill_runs_each_partition(fleet: Fleet) -> None:
    fleet.deployment.wait_for_backfill(fleet.backfill)

    runs = fleet.deployment.runs(tags=[{"key": "dagster/backfill", "value": fleet.backfill}])
    assert {each["tags"]["dagster/partition"]: each["status"] for each in runs} == {
        "a": "SUCCESS",
        "b": "SUCCESS",
    }


def _greet(name: str) -> dict[str, object]:
    return {"ops": {"greet": {"config": {"name": name}}}}


def _plans_asked(fleet: Fleet) -> int:
    with fleet.plane.store.database.read() as connection:
        of_plans = select(func.count()).where(requests.c.api == PLAN)
        return int(connection.execute(of_plans).scalar_one())
