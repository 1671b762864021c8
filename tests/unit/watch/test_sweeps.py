"""The daemon removes what is old, from time to time and beside its other work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.sweeps import Sweeps
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

FILE = BlobKey(BlobKind.PEX, ORGANIZATION, "old.pex")


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """One file that nobody needs."""
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    store.blobs.put(FILE, b"x")
    yield store
    store.close()


def sweeps_of(store: Store, hours: int = 6) -> Sweeps:
    return Sweeps(control_without_dagster(store), Retention(days=2), hours)


def sweep(sweeps: Sweeps) -> None:
    sweeps.begin_if_due()
    sweeps.wait()


def test_what_is_old_goes_and_the_log_says_so(
    store: Store, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.advance(2 * DAY_SECONDS)
    sweeps = sweeps_of(store)
    with caplog.at_level(logging.INFO):
        sweep(sweeps)
    assert store.blobs.size(FILE) is None
    assert "Removed what nothing needs any more: 1 PEX files" in caplog.text


@pytest.mark.parametrize(("passed", "is_swept"), [(5.9, False), (6.0, True)])
def test_the_next_sweep_begins_after_some_hours(
    store: Store, clock: ManualClock, passed: float, *, is_swept: bool
) -> None:
    clock.advance(2 * DAY_SECONDS - passed * 3600)
    sweeps = sweeps_of(store)
    sweep(sweeps)
    clock.advance(passed * 3600)

    sweep(sweeps)

    assert (store.blobs.size(FILE) is None) is is_swept


def test_there_are_none_where_the_setting_says_so(store: Store, clock: ManualClock) -> None:
    clock.advance(2 * DAY_SECONDS)
    sweep(sweeps_of(store, hours=0))
    assert store.blobs.size(FILE) == 1


def test_a_sweep_that_fails_is_logged_and_comes_again(
    store: Store, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.advance(2 * DAY_SECONDS)
    sweeps = sweeps_of(store)
    with store.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE releases RENAME TO elsewhere")
    sweep(sweeps)
    assert "Could not remove what is old" in caplog.text
    with store.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO releases")
    clock.advance(6 * 3600)

    sweep(sweeps)

    assert store.blobs.size(FILE) is None
