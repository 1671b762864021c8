"""A server that listens says so, and goes on after its database was away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.presence import DEAF_SECONDS
from dagstead.server.listening import ListeningThread
from dagstead.store.all import Store
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    store = empty_store(tmp_path, clock)
    yield store
    store.close()


def test_a_server_says_again_and_again_that_it_listens(store: Store, clock: ManualClock) -> None:
    def after(seconds: float) -> float:
        clock.advance(seconds)
        eventually(lambda: _noted(store) == clock(), 30, "the next sign")
        return store.token_calls.presence().listening_since

    with ListeningThread(control_without_dagster(store), every_seconds=0.01):
        begun = clock()
        assert after(DEAF_SECONDS / 2) == begun
        assert after(DEAF_SECONDS * 20) == clock(), "it was frozen, and has heard nobody meanwhile"
    clock.advance(DEAF_SECONDS)
    assert store.token_calls.presence().listening_since == clock(), "nobody listens"
    clock.advance(ALIVE_SECONDS)
    assert store.token_calls.presence().listening_since < clock() - ALIVE_SECONDS


def test_a_server_starts_while_another_process_writes(store: Store, clock: ManualClock) -> None:
    with (
        store.database.write(),
        ListeningThread(control_without_dagster(store), every_seconds=0.01),
    ):
        assert store.token_calls.presence().listening_since == 0.0
    with ListeningThread(control_without_dagster(store), every_seconds=0.01):
        eventually(lambda: _noted(store) == clock(), 30, "the first sign")


def _noted(store: Store) -> float:
    with store.database.read() as connection:
        noted = connection.exec_driver_sql("select asked_at from token_calls where token_id = 0")
        return float(noted.scalar_one())
