"""Daemons run in one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from dagstead.store.all import Store
from dagstead.store.database import Database
from dagstead.store.leadership import Leadership, LeadershipLostError
from dagstead.testing import eventually

pytestmark = pytest.mark.storage


@pytest.fixture
def candidates(
    store: Store, database_url: str, tmp_path: Path
) -> Iterator[tuple[Leadership, Leadership]]:
    """Two, each with connections of its own, as two processes have."""
    other = Database(database_url)
    file = tmp_path / "daemon.lock"
    pair = Leadership(store.database, file), Leadership(other, file)
    yield pair
    for each in pair:
        each.release()
    other.close()


def test_only_one_leads(candidates: tuple[Leadership, Leadership]) -> None:
    first, second = candidates
    assert first.try_acquire()
    assert not second.try_acquire()
    assert first.try_acquire()
    first.require()


def test_another_takes_over_after_a_release(candidates: tuple[Leadership, Leadership]) -> None:
    first, second = candidates
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.require()
    assert not first.try_acquire()


def test_a_leader_without_its_connection_must_stop(postgres_url: str, tmp_path: Path) -> None:
    database = Database(postgres_url)
    first, second = (Leadership(database, tmp_path / "lock") for _ in range(2))
    assert first.try_acquire()
    with database.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
    with pytest.raises(LeadershipLostError):
        first.require()
    # The server ends a session, and frees what it held, a moment after it has told so.
    eventually(second.try_acquire, 10, "the lock of the ended session")
    for each in (first, second):
        each.release()
    database.close()
