"""Deploys whose outcome does not come: agents are told once more, and not too often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.plane.locations import NewLocation
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES, Claim, Request
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.reminders import REMIND_AFTER_SECONDS, Reminders
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy
from tests.support.stores import empty_store

POLL = Claim(
    token_id=1,
    deployments=frozenset({"prod"}),
    branch_deployments=False,
    queues=frozenset({"gpu", None}),
)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """The deployment prod with a location that is loading on each of two queues."""
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    deploy(
        store,
        "prod",
        [
            NewLocation(name=name, document={}, deploy_data="{}", deploy_id=name, queue=queue)
            for name, queue in (("weather", "gpu"), ("digits", None))
        ],
    )
    yield store
    store.close()


@pytest.fixture
def reminders(store: Store) -> Reminders:
    return Reminders(control_without_dagster(store))


def checks(store: Store) -> list[Request]:
    return [
        each
        for each in store.requests.open(ORGANIZATION)
        if each.api == CHECK_FOR_WORKSPACE_UPDATES
    ]


def test_a_deploy_that_has_just_begun_is_left_alone(
    reminders: Reminders, store: Store, clock: ManualClock
) -> None:
    clock.advance(REMIND_AFTER_SECONDS - 1)
    reminders.send()
    assert checks(store) == []


def test_agents_of_the_queues_that_still_load_are_told_once_more(
    reminders: Reminders, store: Store, clock: ManualClock
) -> None:
    store.releases.set_loaded("prod", "digits", deploy_id="digits", manifest="{}")
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    reminders.send()
    assert [each.queue for each in checks(store)] == ["gpu"]


def test_a_check_that_was_taken_and_never_answered_is_sent_once_more(
    reminders: Reminders, store: Store, clock: ManualClock
) -> None:
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    assert len(store.requests.pop(POLL)) == 2
    reminders.send()
    assert len(checks(store)) == 2
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    assert len(checks(store)) == 4


def test_an_agent_that_takes_long_to_load_is_told_once_a_minute(
    reminders: Reminders, store: Store, clock: ManualClock
) -> None:
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    for request in store.requests.pop(POLL):
        store.requests.answer("prod", request.id, "{}", by=None)
    reminders.send()
    assert checks(store) == []
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    assert len(checks(store)) == 2


def test_a_deploy_that_failed_is_left_alone(
    reminders: Reminders, store: Store, clock: ManualClock
) -> None:
    for name in ("weather", "digits"):
        store.releases.set_failed("prod", name, deploy_id=name, error="{}")
    clock.advance(REMIND_AFTER_SECONDS)
    reminders.send()
    assert checks(store) == []
