"""What is counted for metrics, on both databases: added up by all processes, under few labels."""

from __future__ import annotations

import threading

import pytest

from dagstead.plane.labels import MOST_LABELS, OTHERS
from dagstead.plane.launch_machine.events import Start
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import LAUNCH_RUN, Claim, NewRequest, RequestState
from dagstead.plane.tallies import TallyKind
from dagstead.plane.traces import TraceKind
from dagstead.store.all import Store
from dagstead.store.tallies import TallyStore
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location

pytestmark = pytest.mark.storage


def other_process(store: Store) -> TallyStore:
    return TallyStore(store.database, store.clock)


def test_processes_add_up_what_they_count(store: Store) -> None:
    store.deployments.create("prod")
    processes = [other_process(store) for _ in range(4)]

    def count(process: TallyStore) -> None:
        for number in range(25):
            for queue in ("b", "a", None):
                process.tally.count(TallyKind.EXPIRED, queue)
            process.tally.dispatched("a", 0.25)
            process.tally.count(TallyKind.RUNS_ENDED, "prod", "failure")
            if number % 5 == 0:
                process.write_down(ORGANIZATION)

    threads = [threading.Thread(target=count, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        assert process.write_down(ORGANIZATION)

    assert store.tallies.all(ORGANIZATION) == {
        ("expired", "(default queue)", ""): 100,
        ("expired", "a", ""): 100,
        ("expired", "b", ""): 100,
        ("dispatched", "a", "0.25"): 100,
        ("dispatch_seconds", "a", ""): pytest.approx(25),
        ("runs_ended", "prod", "failure"): 100,
    }


def test_labels_are_given_up_when_nothing_was_counted_for_a_month(
    store: Store, clock: ManualClock
) -> None:
    tally = store.tallies.tally
    for number in range(MOST_LABELS + 5):
        tally.count(TallyKind.EXPIRED, f"queue-{number}")
    store.tallies.write_down(ORGANIZATION)
    tally.count(TallyKind.EXPIRED, "late")
    store.tallies.write_down(ORGANIZATION)
    assert store.tallies.all(ORGANIZATION)["expired", OTHERS, ""] == 6

    clock.advance(31 * 86400)
    tally.count(TallyKind.EXPIRED, "queue-3")
    tally.count(TallyKind.EXPIRED, "newest")
    store.tallies.write_down(ORGANIZATION)

    found = store.tallies.all(ORGANIZATION)
    assert found["expired", "newest", ""] == 1
    assert ("expired", "queue-1", "") not in found


def test_everything_is_counted_in_groups(store: Store) -> None:
    store.deployments.create("prod")
    deploy(store, "prod", [new_location("weather", queue="gpu"), new_location("digits")])
    for number, api in enumerate((LAUNCH_RUN, LAUNCH_RUN, "PING")):
        store.requests.submit(
            NewRequest(
                id=str(number),
                api=api,
                deployment="prod",
                queue="gpu",
                location=None,
                run_id=None,
                body="",
                expires_at=store.clock() + 100,
            )
        )
    claim = Claim(
        token_id=1,
        deployments=frozenset({"prod"}),
        branch_deployments=False,
        queues=frozenset({"gpu"}),
        limit=1,
    )
    store.requests.pop(claim)
    for run in ("one", "two"):
        store.launches.submit("prod", run, "weather")
    store.launches.step("prod", "three", Start())

    counts = store.numbers.all(ORGANIZATION)

    asked = {(each.queue, each.state, each.launches_run): each.count for each in counts.requests}
    assert asked == {
        ("gpu", RequestState.LEASED, True): 1,
        ("gpu", RequestState.WAITING, True): 1,
        ("gpu", RequestState.WAITING, False): 1,
    }
    runs = {(each.queue, each.has_queue, each.is_started): each.count for each in counts.launches}
    assert runs == {("gpu", True, False): 2, (None, False, True): 1}
    assert {(each.deployment, each.state): each.count for each in counts.locations} == {
        ("prod", "loading"): 2
    }
    assert counts.deployments == {"prod": False}


def test_calls_for_queues_are_noted_and_forgotten(store: Store, clock: ManualClock) -> None:
    store.queue_calls.missed(ORGANIZATION, None)
    clock.advance(10)
    store.queue_calls.scaled(ORGANIZATION, None)
    store.queue_calls.scaled(ORGANIZATION, "gpu")
    of_default = store.queue_calls.of(ORGANIZATION, None)
    assert (of_default.missed_at, of_default.scaled_at) == (clock() - 10, clock())
    clock.advance(100)
    store.queue_calls.missed(ORGANIZATION, None)

    store.queue_calls.purge(ORGANIZATION, 50)

    assert store.queue_calls.of(ORGANIZATION, None).missed_at == clock()
    assert store.queue_calls.of(ORGANIZATION, "gpu").scaled_at is None


def test_the_first_trace_of_something_stays_for_a_day(store: Store, clock: ManualClock) -> None:
    store.traces.keep("prod", TraceKind.RUN, "one", "first")
    store.traces.keep("prod", TraceKind.RUN, "one", "second")
    found = store.traces.get("prod", TraceKind.RUN, "one")
    assert found is not None
    assert found.parent == "first"
    assert store.traces.get("staging", TraceKind.RUN, "one") is None
    clock.advance(100)
    store.traces.purge(ORGANIZATION, 50)
    assert store.traces.get("prod", TraceKind.RUN, "one") is None
