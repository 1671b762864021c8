"""The statements on tokens of user code."""

from __future__ import annotations

import pytest

from dagstead.errors import UnauthenticatedError
from dagstead.plane.launch_machine.events import End, Submission
from dagstead.plane.launches import How, LaunchEnd, RunEnd
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.workers import Minter, PoolCount, Worker
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage

SERVER = Worker(deployment="prod", location="weather")
RUN = Worker(deployment="prod", location="weather", run_id="run", launch=1)
MINTER = Minter(pool="pool", agent_id="a1")


@pytest.fixture(autouse=True)
def prod(store: Store) -> None:
    store.deployments.create("prod")


def create(store: Store, worker: Worker, secret: str, lifetime: float | None = None) -> int:
    return store.workers.create(worker, secret, MINTER, lifetime).id


def keep(store: Store, *running: int, ended: tuple[int, ...] = ()) -> int:
    count = PoolCount(agent_ids=["a1"], running=running, ended=ended)
    return store.workers.keep(ORGANIZATION, "pool", count, settling_seconds=10, lifetime_seconds=60)


def secrets_left(store: Store, *secrets: str) -> list[str]:
    left = []
    for secret in secrets:
        try:
            store.workers.authenticate(ORGANIZATION, secret)
        except UnauthenticatedError:
            continue
        left.append(secret)
    return left


def test_a_token_is_found_by_its_secret_and_ends_with_its_deployment(store: Store) -> None:
    create(store, SERVER, "one")
    token = store.workers.authenticate(ORGANIZATION, "one")
    assert token.worker == SERVER
    store.deployments.create("staging")
    store.deployments.delete("prod")
    assert secrets_left(store, "one") == []


def test_what_runs_is_kept_and_renewed(store: Store, clock: ManualClock) -> None:
    running, ended, lost = (create(store, SERVER, name, 20) for name in ("a", "b", "c"))
    assert keep(store, running, ended=(ended,)) == 1
    clock.advance(11)
    assert keep(store, running) == 1
    clock.advance(30)
    assert secrets_left(store, "a", "b", "c") == ["a"]
    assert lost not in {token.id for token in store.workers.all(ORGANIZATION)}


def test_more_processes_than_a_statement_takes_values(store: Store, clock: ManualClock) -> None:
    ids = [create(store, SERVER, str(number), 20) for number in range(510)]
    assert keep(store, *ids, *range(2_000)) == 0
    clock.advance(11)
    assert keep(store) == 510


def test_the_worker_of_a_launch_ends_with_it(store: Store, clock: ManualClock) -> None:
    store.launches.step("prod", "run", Submission())
    create(store, RUN, "run")
    create(store, SERVER, "server", 1_000)
    clock.advance(500)
    assert store.workers.sweep(ORGANIZATION, last_words_seconds=60, made_seconds=60) == 0
    ending = LaunchEnd(status=RunEnd.FAILURE, how=How.EXITED, by="it", reason="It died.")
    store.launches.step("prod", "run", End(ending=ending))
    clock.advance(61)
    assert store.workers.sweep(ORGANIZATION, last_words_seconds=60, made_seconds=60) == 1
    assert secrets_left(store, "run", "server") == ["server"]


def test_the_first_to_make_something_has_made_it(store: Store) -> None:
    other = Worker(deployment="prod", location="weather", run_id="other", launch=1)
    for worker in (RUN, other, RUN, SERVER):
        store.workers.note_made(worker, "child")
    makers = [worker for worker in (RUN, other, SERVER) if store.workers.has_made(worker, "child")]
    assert makers == [RUN]
