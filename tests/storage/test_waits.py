"""What waits and who was refused, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagstead.control.actor import NOBODY
from dagstead.control.recording import who_of
from dagstead.plane.launch_machine.events import Start
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.refused_callers import RefusalCount
from dagstead.plane.requests import LAUNCH_RUN, NewRequest
from dagstead.plane.trail import Entry, Result
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage


def request(store: Store, run_id: str) -> NewRequest:
    return NewRequest(
        id=f"request-of-{run_id}",
        api=LAUNCH_RUN,
        deployment="prod",
        queue="gpu",
        location=None,
        run_id=run_id,
        body="",
        expires_at=store.clock() + 60.0,
    )


def test_runs_that_wait_are_found_and_counted(store: Store, clock: ManualClock) -> None:
    for name in ("prod", "staging"):
        store.deployments.create(name)
        for number in range(3):
            store.launches.submit(name, f"{name}-{number}", None)
            clock.advance(1.0)
    store.launches.step("prod", "prod-0", Start())
    every, total = store.waits.runs(ORGANIZATION, None, 2)
    assert ([each.run_id for each in every], total) == (["prod-1", "prod-2"], 5)
    own, total = store.waits.runs(ORGANIZATION, {"staging"}, 9)
    assert ({each.deployment for each in own}, total) == ({"staging"}, 3)


def test_requests_without_an_answer_are_found_and_counted(store: Store) -> None:
    for name in ("prod", "staging"):
        store.deployments.create(name)
        for number in range(3):
            store.requests.submit(replace(request(store, f"{name}-{number}"), deployment=name))
    store.requests.expire("prod", ["request-of-prod-0"])
    every, total = store.waits.open_requests(ORGANIZATION, None, 2)
    assert ([each.run_id for each in every], total) == (["prod-1", "prod-2"], 5)
    own, total = store.waits.open_requests(ORGANIZATION, {"staging"}, 9)
    assert ({each.deployment for each in own}, total) == ({"staging"}, 3)


def test_ids_are_found_by_how_they_begin(store: Store) -> None:
    store.deployments.create("prod")
    for run_id in ("abc_1", "abcd1"):
        store.launches.submit("prod", run_id, None)
        store.requests.submit(request(store, run_id))
    waits = store.waits
    assert [each.id for each in waits.runs_named(ORGANIZATION, "abc", 9)] == ["abc_1", "abcd1"]
    assert [each.id for each in waits.runs_named(ORGANIZATION, "abc_", 9)] == ["abc_1"]
    assert waits.runs_named(ORGANIZATION, "%", 9) == []
    (found,) = waits.requests_named(ORGANIZATION, "request-of-abc_", 9)
    assert waits.requests(ORGANIZATION, [found.id])[found.id].run_id == "abc_1"


def test_a_reason_is_noted_once_and_forgotten_with_the_wait(store: Store) -> None:
    store.deployments.create("prod")
    store.launches.submit("prod", "run", None)
    noted = store.noted_waits
    assert noted.note("prod", "run", "RUN_LIMIT")
    assert not noted.note("prod", "run", "RUN_LIMIT")
    assert noted.note("prod", "run", "NO_DAEMON")
    noted.forget(ORGANIZATION)
    assert noted.all(ORGANIZATION) == {("prod", "run"): "NO_DAEMON"}
    store.launches.step("prod", "run", Start())
    noted.forget(ORGANIZATION)
    assert noted.all(ORGANIZATION) == {}


def test_refusals_of_a_caller_are_added_up(store: Store, clock: ManualClock) -> None:
    who = replace(who_of(NOBODY), address="10.0.0.1")
    entry = Entry(who=who, act="token_reader.of_secret", result=Result.REFUSED, reason="Unknown.")
    first_at = clock()
    for times in (1, 40):
        count = RefusalCount(entry=entry, times=times, first_at=clock(), last_at=clock())
        store.refused_callers.note([count])
        clock.advance(60.0)
    (row,) = store.refused_callers.all(ORGANIZATION)
    assert (row.times, row.first_at, row.last_at) == (41, first_at, first_at + 60.0)
    assert store.refused_callers.purge(ORGANIZATION, 60.0) == 0
    clock.advance(1.0)
    assert store.refused_callers.purge(ORGANIZATION, 60.0) == 1
