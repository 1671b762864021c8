"""Messages that were given up are a problem on home, on both databases."""

from __future__ import annotations

import pytest

from dagstead.control.actor import COMMAND_LINE, SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.plane.alerts import of_problems
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.alert_policies import entry_of, sync
from tests.support.alert_runs import failed_run
from tests.support.orchestration import NoDagster, control_without_dagster

pytestmark = pytest.mark.storage


@pytest.fixture
def dagster() -> NoDagster:
    return NoDagster()


@pytest.fixture
def control(store: Store, dagster: NoDagster) -> Control:
    store.deployments.create("prod")
    made = control_without_dagster(store, dagster)
    sync(made, entry_of("on call", "JOB_FAILURE"), entry_of("other"))
    made.alert_watch.look(SYSTEM)
    return made


def problems(control: Control, actor: Actor = COMMAND_LINE) -> list[Problem]:
    every = control.overview.problems(actor)
    return [each for each in every if each.kind is ProblemKind.ALERTS]


@pytest.fixture
def lost(control: Control, dagster: NoDagster, clock: ManualClock) -> Problem:
    """A message is tried for an hour, and given up."""
    dagster.alert_runs.append(failed_run(1, clock))
    control.alert_watch.look(SYSTEM)
    is_tried = True
    while is_tried:
        assert problems(control) == []
        for delivery, _ in control.alert_watch.due(SYSTEM, (), 10):
            is_tried = control.alert_watch.note_failed(SYSTEM, delivery, "It answered 500.")
        clock.advance(300)
    (found,) = problems(control)
    return found


def test_it_is_shown_for_a_day_and_calls_nobody(
    lost: Problem, control: Control, clock: ManualClock
) -> None:
    assert lost.weight is Weight.ATTENTION
    assert lost.title == "Alerts of policy on call do not arrive"
    assert lost.says.startswith("Alerts of policy on call do not arrive: It answered 500. ")
    assert "`dagstead alerts test 'on call' --deployment prod`" in lost.says
    assert (lost.deployment, lost.object) == ("prod", "on call")
    assert list(of_problems([lost])) == []
    assert ProblemKind.ALERTS not in {
        each.kind for each in control.overview.problems_of_each(SYSTEM, ["prod"])["prod"]
    }
    clock.advance(23 * 3600)
    assert problems(control) == [lost]
    clock.advance(2 * 3600)
    assert problems(control) == []


def test_it_is_over_when_a_later_message_of_that_policy_arrives(
    lost: Problem, control: Control, store: Store
) -> None:
    prod = store.deployments.get("prod")
    for name, left in (("other", [lost]), ("on call", [])):
        made = control.alerts.test(COMMAND_LINE, prod, name)
        assert problems(control) == [lost]
        delivery = control.alerts.delivery(COMMAND_LINE, prod, made)
        control.alert_watch.note_sent(SYSTEM, delivery)
        assert problems(control) == left


def test_it_is_over_when_the_policy_is_switched_off(lost: Problem, control: Control) -> None:
    sync(control, entry_of("on call", "JOB_FAILURE", enabled=False), entry_of("other"))
    assert lost not in problems(control)


def test_a_test_that_failed_was_seen_by_who_tried_it(control: Control, store: Store) -> None:
    prod = store.deployments.get("prod")
    control.alerts.test(COMMAND_LINE, prod, "other")
    ((delivery, _),) = control.alert_watch.due(SYSTEM, (), 10)
    assert not control.alert_watch.note_failed(SYSTEM, delivery, "It answered 404.")
    assert problems(control) == []


def test_only_who_may_see_the_policies_sees_it(
    lost: Problem, control: Control, store: Store
) -> None:
    of_prod = store.tokens.create("p", TokenKind.USER, "p", Grant(deployments=["prod"]))
    assert problems(control, Actor.holding(of_prod)) == [lost]
    store.deployments.create("staging")
    for name, grant in (
        ("s", Grant(deployments=["staging"])),
        ("l", Grant(deployments=["prod"], locations=["weather"])),
    ):
        token = store.tokens.create(name, TokenKind.USER, name, grant)
        assert problems(control, Actor.holding(token)) == []
