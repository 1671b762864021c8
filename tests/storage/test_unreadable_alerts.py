"""Policies and storages that cannot be read stop no others, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.control.all import Control
from dagstead.errors import DamagedSecretError
from dagstead.plane.alert_deliveries import DeliveryState
from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alert_news import EndedRuns
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_targets import AutomationKind
from dagstead.plane.alerts import AlertAutomation
from dagstead.plane.deployments import Deployment
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.testing.waiting import eventually
from dagstead.watch.alert_deliverer import AlertDeliverer
from tests.support.alert_policies import damage, entry_of, sync
from tests.support.alert_runs import failed_run
from tests.support.orchestration import NoDagster, control_without_dagster

pytestmark = pytest.mark.storage

#: What has become of the column, and what is said then.
DAMAGES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "altered": ({"sealed": "AAAA"}, "Its row in the database was altered or moved."),
    "no envelope": ({"wrapped": "%"}, "Its row in the database was altered or moved."),
    "no key": ({"key": "lost-key"}, "needs the master key lost-key"),
}


@pytest.fixture
def dagster() -> NoDagster:
    return NoDagster()


@pytest.fixture
def control(store: Store, dagster: NoDagster) -> Control:
    for name in ("prod", "staging"):
        store.deployments.create(name)
    return control_without_dagster(store, dagster)


def problems(control: Control) -> list[Problem]:
    every = control.overview.problems(COMMAND_LINE)
    return [each for each in every if each.kind is ProblemKind.ALERTS]


@pytest.mark.parametrize("how", DAMAGES)
def test_it_stops_no_others_and_is_a_problem(
    how: str, control: Control, store: Store, dagster: NoDagster, clock: ManualClock
) -> None:
    changes, reason = DAMAGES[how]
    sync(control, entry_of("broken", "JOB_FAILURE"), entry_of("well", "JOB_FAILURE"))
    sync(control, entry_of("p", "JOB_FAILURE"), deployment="staging")
    control.alert_watch.look(SYSTEM)
    damage(store, "broken", changes)
    dagster.alert_runs.append(failed_run(1, clock))
    assert control.alert_watch.look(SYSTEM) == 2
    due = control.alert_watch.due(SYSTEM, (), 10)
    assert sorted(delivery.policy for delivery, _ in due) == ["p", "well"]
    (problem,) = problems(control)
    assert problem.weight is Weight.ATTENTION
    assert problem.says.startswith("Alert policy broken of prod cannot be read: ")
    assert reason in problem.says
    assert "`dagstead alerts sync FILE --deployment prod`" in problem.says
    prod = store.deployments.get("prod")
    assert [each.name for each in control.alerts.unreadable(COMMAND_LINE, prod)] == ["broken"]
    with pytest.raises(DamagedSecretError, match="Alert policy broken of prod cannot be read"):
        # Whoever synced a document without it would remove it.
        control.alerts.document(COMMAND_LINE, prod, AlertDocument.OWN)
    with pytest.raises(DamagedSecretError, match="sync it again"):
        control.alerts.test(COMMAND_LINE, prod, "broken")


@dataclass
class _HalfAway(NoDagster):
    """The storage of prod fails, in a way that nobody has thought of."""

    def failing_automations(self, deployment: Deployment) -> Sequence[AlertAutomation]:
        if deployment.name == "prod":
            raise ZeroDivisionError
        return [
            AlertAutomation(
                kind=AutomationKind.SENSOR,
                name="files",
                location="shop",
                repository="r",
                failures=1,
            )
        ]

    def ended_since(
        self, deployment: Deployment, after: Mapping[AlertEvent, int | None], now: float
    ) -> EndedRuns:
        if deployment.name == "staging":
            raise ZeroDivisionError
        return super().ended_since(deployment, after, now)


def test_a_storage_that_fails_stops_no_other_deployment_and_no_other_part(
    store: Store, clock: ManualClock
) -> None:
    dagster = _HalfAway()
    for name in ("eu", "prod", "staging"):
        store.deployments.create(name)
    control = control_without_dagster(store, dagster)
    for name in ("eu", "prod", "staging"):
        failures = entry_of("runs", "JOB_FAILURE")
        sync(control, failures, entry_of("ticks", "TICK_FAILURE"), deployment=name)
    control.alert_watch.look(SYSTEM)
    dagster.alert_runs.append(failed_run(1, clock))
    control.alert_watch.look(SYSTEM)
    due = control.alert_watch.due(SYSTEM, (), 10)
    assert sorted((each.deployment, each.policy) for each, _ in due) == [
        ("eu", "runs"),
        ("eu", "ticks"),
        ("prod", "runs"),
    ]


def test_one_that_is_synced_again_misses_nothing(
    control: Control, store: Store, dagster: NoDagster, clock: ManualClock
) -> None:
    broken = entry_of("broken", "JOB_FAILURE")
    sync(control, broken, entry_of("other", "TICK_FAILURE"))
    control.alert_watch.look(SYSTEM)
    damage(store, "broken", {"sealed": "AAAA"})
    dagster.alert_runs.append(failed_run(1, clock))
    assert control.alert_watch.look(SYSTEM) == 0
    sync(control, broken, entry_of("other", "TICK_FAILURE"))
    assert problems(control) == []
    assert control.alert_watch.look(SYSTEM) == 1


def test_its_messages_are_tried_like_those_to_a_place_that_is_down(
    control: Control, store: Store
) -> None:
    sync(control, entry_of("broken"))
    prod = store.deployments.get("prod")
    made = control.alerts.test(COMMAND_LINE, prod, "broken")
    damage(store, "broken", {"sealed": "AAAA"})
    deliverer = AlertDeliverer(control, _Nobody())
    deliverer.start()
    try:
        eventually(
            lambda: (
                control.alerts.delivery(COMMAND_LINE, prod, made).state is DeliveryState.GIVEN_UP
            ),
            30,
            "the end of the test",
        )
    finally:
        deliverer.stop()
    error = control.alerts.delivery(COMMAND_LINE, prod, made).error
    assert error is not None
    assert error.startswith("Alert policy broken of prod cannot be read")


class _Nobody:
    """Is never asked to send anything."""

    def send(self, _delivery: object, _policy: object) -> None:
        raise AssertionError
