"""Queues on both databases: what people say of them, and what their limits count."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagstead.plane.launch_machine.events import (
    End,
    Event,
    Fall,
    LaunchOffer,
    StopWish,
    Submission,
)
from dagstead.plane.launches import FormerQueue, How, LaunchEnd, LaunchState, RunEnd
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queue_board import HoldKind, QueueHold, WaitingRun
from dagstead.plane.queues import Fallback, FallbackKind, Queue, QueueChange, QueuePause
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location

pytestmark = pytest.mark.storage

DEPLOYMENTS = ("prod", "staging")
ENDED = LaunchEnd(status=RunEnd.SUCCESS, how=How.REPORTED, by="its log", reason="It has ended.")
AGAIN = replace(ENDED, status=None)

EVENTS: Mapping[str, Event] = {
    "submit": Submission(location="weather", queue="gpu"),
    "put back": Submission(),
    "end": End(ending=ENDED),
    "again": End(ending=AGAIN),
}


@pytest.fixture(autouse=True)
def _deployed(store: Store) -> None:
    for name in DEPLOYMENTS:
        store.deployments.create(name)
        deploy(store, name, [new_location("weather", "1", queue="gpu")])


def limit(store: Store, most: int | None, of: str | None = "gpu") -> None:
    store.queues.change(ORGANIZATION, of, QueueChange(limit=most).applied_to, "ada")


def submit(store: Store, deployment: str, run_id: str) -> WaitingRun:
    store.launches.submit(deployment, run_id, "weather")
    return store.queues.queued(deployment, [run_id])[run_id]


def admits(store: Store, deployment: str, run: WaitingRun) -> bool:
    return not isinstance(store.queues.admit(ORGANIZATION, deployment, run), QueueHold)


def running(store: Store) -> list[str]:
    return [each.run_id for each in store.queues.holders(ORGANIZATION).get("gpu", [])]


def test_what_people_say_of_a_queue_is_kept(store: Store, clock: ManualClock) -> None:
    said = QueueChange(
        limit=3,
        owner="ml",
        description="With CUDA",
        priority=-2,
        longest_wait_seconds=600.0,
        branch_deployments=False,
        fallback=Fallback(kind=FallbackKind.QUEUE),
    )
    pause = QueuePause(by="ada", since=1.5, note="Driver", until=9.0)
    for name in ("cpu", "gpu"):
        store.queues.change(ORGANIZATION, name, said.applied_to, "ada")
        store.queues.change(
            ORGANIZATION, name, lambda queue: replace(queue, pause=pause), "somebody"
        )
        expected = replace(
            said.applied_to(Queue(name=name)), pause=pause, created_at=clock(), created_by="ada"
        )
        assert store.queues.get(ORGANIZATION, name) == expected
    limit(store, None, of=None)
    assert [queue.name for queue in store.queues.all(ORGANIZATION)] == [None, "cpu", "gpu"]
    assert store.queues.remove(ORGANIZATION, None)
    assert not store.queues.remove(ORGANIZATION, None)
    assert store.queues.get(ORGANIZATION, None) == Queue(name=None)


def test_two_who_make_a_queue_at_once_both_count(store: Store) -> None:
    changes = [QueueChange(limit=2), QueueChange(priority=7)] * 4
    with ThreadPoolExecutor(8) as people:
        list(
            people.map(
                lambda change: store.queues.change(ORGANIZATION, "new", change.applied_to, "ada"),
                changes,
            )
        )
    made = store.queues.get(ORGANIZATION, "new")
    assert (made.limit, made.priority) == (2, 7)


def test_a_run_keeps_the_queue_that_its_location_had_when_it_was_queued(store: Store) -> None:
    submit(store, "prod", "a")
    deploy(store, "prod", [new_location("weather", "2", queue="cpu")])
    submit(store, "prod", "b")
    found = store.queues.queued("prod", ["a", "b"])
    assert {run_id: run.queue for run_id, run in found.items()} == {"a": "gpu", "b": "cpu"}
    # Once more, as when Dagster puts a run back.
    assert submit(store, "prod", "a").queue == "gpu"
    assert store.queues.waiting_runs(ORGANIZATION)["gpu", "prod"].count == 1


def test_a_limit_counts_the_runs_of_all_deployments(store: Store) -> None:
    limit(store, 1)
    first, second = submit(store, "prod", "a"), submit(store, "staging", "b")
    assert admits(store, "prod", first)
    held = store.queues.admit(ORGANIZATION, "staging", second)
    assert isinstance(held, QueueHold)
    assert held.kind is HoldKind.FULL
    assert [each.run_id for each in held.holders] == ["a"]
    # Whoever died after it had taken the run comes again.
    assert admits(store, "prod", first)
    assert running(store) == ["a"]
    store.launches.step("prod", "a", End(ending=ENDED))
    assert admits(store, "staging", second)
    assert running(store) == ["b"]


def test_a_run_that_is_launched_again_keeps_its_slot_and_one_that_is_put_back_does_not(
    store: Store,
) -> None:
    limit(store, 1)
    first, second = submit(store, "prod", "a"), submit(store, "prod", "b")
    assert admits(store, "prod", first)
    store.launches.step("prod", "a", LaunchOffer(request_id="r", location="weather", queue="gpu"))
    again = store.launches.step("prod", "a", End(ending=AGAIN)).successor
    assert again is not None
    assert (again.state, again.queue, again.location) == (LaunchState.QUEUED, "gpu", "weather")
    assert not admits(store, "prod", second)
    store.launches.step("prod", "a", StopWish(end=RunEnd.CANCELED, by="ada", reason="Enough."))
    assert admits(store, "prod", second)
    store.launches.step("prod", "b", Submission())
    assert running(store) == []


def test_a_pause_holds_what_is_taken_after_it(store: Store) -> None:
    run = submit(store, "prod", "a")
    pause = QueuePause(by="ada", since=1.0, note="Driver")
    store.queues.change(ORGANIZATION, "gpu", lambda queue: replace(queue, pause=pause), "ada")
    held = store.queues.admit(ORGANIZATION, "prod", run)
    assert isinstance(held, QueueHold)
    assert held.pause == pause
    assert store.launches.newest("prod", "a").state is LaunchState.QUEUED  # type: ignore[union-attr]


def test_a_run_falls_once_and_remembers_from_where(store: Store) -> None:
    submit(store, "prod", "a")
    step = store.launches.step("prod", "a", Fall(queue=None))
    assert step.counts
    assert not store.launches.step("prod", "a", Fall(queue="cpu")).counts
    launch = store.launches.newest("prod", "a")
    assert launch is not None
    assert (launch.queue, launch.fell_from) == (None, FormerQueue(queue="gpu"))
    assert store.queues.queued("prod", ["a"])["a"].has_fallen
    store.launches.step("prod", "a", LaunchOffer(request_id="r", location="weather", queue=None))
    refused = store.launches.begin("prod", "a", "agent", by=None, grants=frozenset({None}))
    assert not refused.counts
    assert refused.reason == "Its location is on queue 'gpu', which the token does not grant."
    assert store.launches.begin("prod", "a", "agent", by=None).counts


def test_daemons_of_two_deployments_never_exceed_a_limit_together(store: Store) -> None:
    limit(store, 3)
    runs = [
        (deployment, submit(store, deployment, f"{deployment}-{number}"))
        for number in range(8)
        for deployment in DEPLOYMENTS
    ]
    with ThreadPoolExecutor(6) as daemons:
        taken = list(daemons.map(lambda each: admits(store, *each), runs))
    assert sum(taken) == 3
    assert len(running(store)) == 3


@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from([*EVENTS, "admit", "limit"]),
            st.sampled_from(DEPLOYMENTS),
            st.integers(0, 3),
        ),
        max_size=25,
    )
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_nobody_is_admitted_beyond_the_limit(
    store: Store, acts: list[tuple[str, str, int]]
) -> None:
    most = 2
    limit(store, most)
    for deployment in DEPLOYMENTS:
        for number in range(4):
            store.launches.forget(deployment, str(number))
    for act, deployment, number in acts:
        run_id = str(number)
        before = len(running(store))
        run = WaitingRun(run_id=run_id, location="weather", queue="gpu", since=0.0)
        if act == "limit":
            most = number + 1
            limit(store, most)
        elif act == "admit":
            if admits(store, deployment, run):
                assert len(running(store)) <= max(most, before)
        else:
            store.launches.step(deployment, run_id, EVENTS[act])
