"""Which policy an alert is for, and what its message says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryItem, DeliveryState
from dagstead.plane.alert_documents import read_policy
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_targets import AutomationKind
from dagstead.plane.alert_texts import AlertMessage
from dagstead.plane.alerts import (
    Alert,
    AlertAsset,
    AlertAutomation,
    AlertRun,
    of_assets,
    of_ended_run,
    of_failing,
    of_late,
    of_long_run,
    of_problems,
    wants,
)
from dagstead.plane.late_schedules import LateSchedule
from dagstead.plane.problems import Problem, ProblemKind, QueueTrouble, Weight
from tests.support.alert_policies import entry_of

NOW = 2_000_000_000.0
RUN = AlertRun(
    run_id="r1",
    job="nightly",
    location="shop",
    repository="__repository__",
    tags={"team": "ml"},
    at=NOW - 1000,
)
FAILED = of_ended_run(RUN, has_failed=True)
LONG = of_long_run(RUN, NOW)
ASSETS = of_assets(
    RUN, [AlertAsset(key=("s3", "report"), group="daily", location="shop", repository="__r__")]
)
TICKS = of_failing(
    AlertAutomation(
        kind=AutomationKind.SCHEDULE,
        name="hourly",
        location="shop",
        repository="__repository__",
        failures=2,
        error="ValueError: no",
    )
)
LATE = of_late(
    LateSchedule(
        deployment="prod",
        location="shop",
        repository="__repository__",
        name="hourly",
        due_at=NOW - 400,
        ticked_at=None,
    )
)


def problem(kind: ProblemKind, **changes: Any) -> Alert:
    (made,) = of_problems([Problem(kind=kind, weight=Weight.WRONG, title="T", says="S", **changes)])
    return made


UNSERVED = problem(ProblemKind.QUEUE, object="gpu", trouble=QueueTrouble.UNSERVED)
DEFAULT = problem(ProblemKind.QUEUE, object=None, trouble=QueueTrouble.UNSERVED)
LATE_QUEUE = problem(ProblemKind.QUEUE, object="gpu", trouble=QueueTrouble.LATE)
DOWN = problem(ProblemKind.AGENT, object="a1", queues=frozenset({"gpu", None}))
BROKEN = problem(ProblemKind.LOCATION, object="shop")
RELEASE = problem(ProblemKind.RELEASE, object="5", names=frozenset({"shop", "bank"}))


def target(name: str, **values: Any) -> dict[str, Any]:
    return {"alert_targets": [{name: values}]}


@pytest.mark.parametrize(
    ("event", "change", "alert", "fits"),
    [
        ("AGENT_UNAVAILABLE", {}, UNSERVED, True),
        ("AGENT_UNAVAILABLE", {}, DOWN, True),
        ("AGENT_UNAVAILABLE", {}, LATE_QUEUE, False),
        ("AGENT_DOWN", {}, UNSERVED, False),
        ("LONGEST_WAIT_EXCEEDED", {}, LATE_QUEUE, True),
        ("QUEUE_UNSERVED", target("queue_target", queues=["gpu"]), UNSERVED, True),
        ("QUEUE_UNSERVED", target("queue_target", queues=["cpu"]), UNSERVED, False),
        ("QUEUE_UNSERVED", target("queue_target", queues=["gpu"]), DEFAULT, False),
        ("QUEUE_UNSERVED", target("queue_target", default_queue=True), DEFAULT, True),
        ("AGENT_DOWN", target("queue_target", default_queue=True), DOWN, True),
        ("CODE_LOCATION_ERROR", {}, BROKEN, True),
        ("CODE_LOCATION_ERROR", {}, RELEASE, True),
        ("RELEASE_FAILED", {}, BROKEN, False),
        (
            "CODE_LOCATION_ERROR",
            target("code_location_target", location_names=["bank"]),
            RELEASE,
            True,
        ),
        (
            "CODE_LOCATION_ERROR",
            target("code_location_target", location_names=["bank"]),
            BROKEN,
            False,
        ),
        ("JOB_FAILURE", {}, FAILED, True),
        ("JOB_SUCCESS", {}, FAILED, False),
        ("JOB_FAILURE", {"tags": {"team": "ml"}}, FAILED, True),
        ("JOB_FAILURE", {"tags": [{"key": "team", "value": "web"}]}, FAILED, False),
        ("JOB_FAILURE", target("run_result_target", location_names=["bank"]), FAILED, False),
        ("JOB_FAILURE", target("run_result_target", jobs=[{"job_name": "nightly"}]), FAILED, True),
        (
            "JOB_FAILURE",
            target("run_result_target", jobs=[{"job_name": "nightly", "location_name": "bank"}]),
            FAILED,
            False,
        ),
        (
            "JOB_LONG_RUNNING",
            target("long_running_job_threshold_target", threshold_seconds=900),
            LONG,
            True,
        ),
        (
            "JOB_LONG_RUNNING",
            target("long_running_job_threshold_target", threshold_seconds=1100),
            LONG,
            False,
        ),
        ("TICK_FAILURE", {}, TICKS, True),
        ("TICK_FAILURE", {"policy_options": {"consecutive_failure_threshold": 3}}, TICKS, False),
        ("TICK_FAILURE", target("schedule_or_sensor_target", types=["SENSOR"]), TICKS, False),
        (
            "TICK_FAILURE",
            target("schedule_or_sensor_target", schedules_or_sensors=[{"name": "hourly"}]),
            TICKS,
            True,
        ),
        ("TICK_FAILURE", {}, LATE, True),
        ("SCHEDULE_LATE", {}, LATE, True),
        ("SCHEDULE_LATE", {"policy_options": {"late_minutes": 10}}, LATE, False),
        (
            "ASSET_MATERIALIZATION_FAILURE",
            target("asset_group_target", asset_group="daily"),
            ASSETS,
            True,
        ),
        (
            "ASSET_MATERIALIZATION_FAILURE",
            target("asset_group_target", asset_group="daily", location_name="bank"),
            ASSETS,
            False,
        ),
        (
            "ASSET_MATERIALIZATION_FAILURE",
            target("asset_key_target", asset_key=["s3", "report"]),
            ASSETS,
            True,
        ),
        (
            "ASSET_MATERIALIZATION_FAILURE",
            target("asset_key_target", asset_key=["s3"]),
            ASSETS,
            False,
        ),
    ],
)
def test_a_policy_is_for_what_its_events_and_targets_say(
    event: str, change: dict[str, Any], alert: Alert, fits: object
) -> None:
    policy = read_policy(entry_of("p", event, **change), AlertDocument.OWN)
    assert wants(policy, alert, NOW) is fits


def test_what_nobody_is_called_for() -> None:
    paused = Problem(
        kind=ProblemKind.QUEUE,
        weight=Weight.ATTENTION,
        title="T",
        says="S",
        trouble=QueueTrouble.PAUSED,
    )
    callers = Problem(kind=ProblemKind.CALLERS, weight=Weight.ATTENTION, title="T", says="S")
    alerts = replace(callers, kind=ProblemKind.ALERTS)
    assert list(of_problems([paused, callers, alerts])) == []


HOSTILE = "<!channel> <https://evil.example|click> *b* `c` &amp;\r\nBcc: x@y.z\x1b[31m\u202e\x00"


def message(**changes: Any) -> AlertMessage:
    alert = Alert(event=FAILED.event, about="x", title=HOSTILE, says=HOSTILE, at=NOW, run=RUN)
    policy = read_policy(entry_of("p", "JOB_FAILURE"), AlertDocument.OWN)
    delivery = AlertDelivery(
        id="d1",
        deployment="prod",
        policy_id=1,
        policy="p",
        created_at=NOW,
        due_at=NOW,
        state=DeliveryState.WAITING,
        **{"items": [DeliveryItem.of(alert)], "total": 1, **changes},
    )
    return AlertMessage(delivery, policy, "https://d.example.com")


def test_names_are_read_and_are_never_markup_headers_or_commands() -> None:
    made = message()
    assert "\n" not in made.subject
    assert made.subject.isprintable()
    for text in (made.subject, made.text, made.short_text, made.slack["text"], made.body.decode()):
        assert not {"\x1b", "\x00", "\u202e", "\r"} & set(text)
    slack = made.slack["text"]
    assert "<!channel>" not in slack
    assert "<https://evil" not in slack
    assert "&lt;!channel&gt;" in slack
    # Its only link is ours.
    assert slack.count("<") == 1
    assert "<https://d.example.com/-/alerts?deployment=prod|Open>" in slack


def test_ten_thousand_alerts_are_one_message_of_a_bounded_size() -> None:
    long = Alert(event=FAILED.event, about="x", title="t" * 9999, says="s" * 9999, at=NOW)
    made = message(items=[DeliveryItem.of(long)] * 50, total=10_000)
    assert "and 9999 more" in made.subject
    assert len(made.subject) <= 200
    assert "And 9950 more." in made.text
    assert len(made.text) < 120_000
    assert len(made.slack["text"]) < 4000
    assert "And 9999 more." in made.slack["text"] or "more." in made.slack["text"]
    assert "And 9990 more." in made.short_text
    assert json.loads(made.body)["total"] == 10_000


def test_each_try_has_the_same_body() -> None:
    assert message().body == message(tries=3, error="It answered 500.").body
