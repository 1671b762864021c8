"""Launches on both databases: what the machine says, whoever comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from dagstead.plane.launch_machine.events import Begin, End, Event, LaunchOffer, Start, StopWish
from dagstead.plane.launch_machine.machine import LaunchStep
from dagstead.plane.launches import How, LaunchEnd, LaunchTags, RunEnd
from dagstead.plane.requests import LAUNCH_RUN, NewRequest
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.launch_rules import LaunchRules

pytestmark = pytest.mark.storage


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")


def offered(store: Store, run_id: str = "run", request_id: str = "r") -> LaunchStep:
    new = NewRequest(
        id=request_id,
        api=LAUNCH_RUN,
        deployment="prod",
        queue=None,
        location="weather",
        run_id=run_id,
        body="{}",
        expires_at=9e9,
    )
    return store.launches.offer(new, LaunchTags())


def ending(status: RunEnd | None = RunEnd.FAILURE, reason: str = "It died.") -> LaunchEnd:
    return LaunchEnd(status=status, how=How.EXITED, by="the pool", reason=reason, exit_code=-9)


class StoredLaunches(LaunchRules):
    """The same events in memory and in a database."""

    def __init__(self, store: Store, clock: ManualClock, run_id: str) -> None:
        super().__init__()
        self.store, self.clock, self.run_id = store, clock, run_id
        self.now = clock()

    def happened(self, event: Event, step: LaunchStep) -> None:
        self.clock.advance(self.now - self.clock())
        stored = self.store.launches.step("prod", self.run_id, event)
        assert stored.counts == step.counts
        found = self.store.launches.of_run("prod", self.run_id)
        assert [(each.number, each.state, each.stop, each.ending) for each in found] == [
            (each.number, each.state, each.stop, each.ending) for each in self.launches
        ]


def test_both_databases_keep_what_the_machine_says(store: Store, clock: ManualClock) -> None:
    made: list[StoredLaunches] = []

    def one() -> StoredLaunches:
        made.append(StoredLaunches(store, clock, f"run-{len(made)}"))
        return made[-1]

    run_state_machine_as_test(
        cast("type[StoredLaunches]", one),
        settings=settings(max_examples=15, stateful_step_count=12),
    )


def test_of_many_agents_one_begins_a_run(store: Store) -> None:
    offered(store)

    with ThreadPoolExecutor(8) as agents:
        steps = list(
            agents.map(lambda n: store.launches.begin("prod", "run", f"a{n}", by=None), range(8))
        )

    assert [step.counts for step in steps].count(True) == 1
    [request] = store.requests.of_run("prod", "run")
    assert request.begun_by is not None


def test_of_many_ends_one_is_final(store: Store) -> None:
    store.launches.step("prod", "run", Start())

    def end(number: int) -> LaunchStep:
        event = End(ending=ending(reason=str(number)))
        return store.launches.step("prod", "run", event)

    with ThreadPoolExecutor(8) as writers:
        steps = list(writers.map(end, range(8)))

    [counted] = [step for step in steps if step.counts]
    final = store.launches.newest("prod", "run")
    assert final == counted.launch


@pytest.mark.parametrize("number", range(4))
def test_a_termination_and_an_agent_race_and_one_of_them_wins(store: Store, number: int) -> None:
    run_id = f"run-{number}"
    offered(store, run_id, run_id)
    wish = StopWish(end=RunEnd.CANCELED, by="somebody", reason="It was terminated.")

    with ThreadPoolExecutor(2) as both:
        begun = both.submit(store.launches.begin, "prod", run_id, "a1", by=None)
        stopped = both.submit(store.launches.step, "prod", run_id, wish)

    launch = stopped.result().launch
    assert launch is not None
    assert begun.result().counts == launch.is_open


def test_two_that_record_the_first_event_of_a_run_make_one_launch(store: Store) -> None:
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda _: store.launches.step("prod", "run", Start()), range(4)))

    assert len(store.launches.of_run("prod", "run")) == 1


def test_a_run_that_is_no_longer_wanted_is_not_offered(store: Store) -> None:
    wish = StopWish(end=RunEnd.CANCELED, by="somebody", reason="It was terminated.")
    store.launches.step("prod", "run", wish)

    assert not offered(store).counts
    assert store.requests.of_run("prod", "run") == []


def test_an_end_waits_until_it_is_shown(store: Store, clock: ManualClock) -> None:
    store.launches.step("prod", "run", End(ending=ending()))
    assert store.launches.unshown("prod", 20) == []
    clock.advance(20)
    [launch] = store.launches.unshown("prod", 20)

    store.launches.note_shown(launch)

    assert store.launches.unshown("prod", 20) == []
    shown = store.launches.newest("prod", "run")
    assert shown is not None
    assert shown.ending == ending()


def test_runs_of_one_id_in_two_deployments_are_apart(store: Store) -> None:
    store.deployments.create("staging")
    store.launches.step("prod", "run", End(ending=ending()))

    assert store.launches.newest("staging", "run") is None
    assert store.launches.step("staging", "run", Start()).counts
    assert store.launches.step("staging", "run", LaunchOffer(request_id="r")).counts is False
    assert store.launches.begin("staging", "other", "a1", by=None).launch is None


def test_a_second_launch_is_begun_anew(store: Store) -> None:
    offered(store)
    assert store.launches.begin("prod", "run", "a1", by=None).counts
    store.launches.step("prod", "run", End(ending=ending(status=None)))

    assert offered(store, request_id="r2").counts
    assert store.launches.begin("prod", "run", "a1", by=None).counts

    numbers = [(each.number, each.begun_by) for each in store.launches.of_run("prod", "run")]
    assert numbers == [(1, "a1"), (2, "a1")]
    assert not store.launches.step("prod", "run", Begin(agent_id="a2")).counts
