"""Daemons run in one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from dagstead.errors import StoreAwayError
from dagstead.plane.leases import (
    LEASE_SECONDS,
    RECONNECT_SECONDS,
    Fence,
    LeadershipLostError,
    Lease,
    UnreachableLeaderError,
)
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database
from dagstead.store.leadership import CANDIDATES_PATIENCE, Leadership
from dagstead.store.leases import LeaseStore
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage


@contextmanager
def candidate(url: str, folder: Path, clock: ManualClock) -> Iterator[Leadership]:
    """One with connections of its own, as a process has."""
    database = Database(url, patience=CANDIDATES_PATIENCE)
    leadership = Leadership(database, clock, folder / "daemon.lock", stopwatch=clock)
    yield leadership
    leadership.close()
    database.close()


@pytest.fixture
def candidates(
    store: Store, database_url: str, tmp_path: Path, clock: ManualClock
) -> Iterator[tuple[Leadership, Leadership]]:
    del store  # It has made the tables.
    with (
        candidate(database_url, tmp_path, clock) as first,
        candidate(database_url, tmp_path, clock) as second,
    ):
        yield first, second


def grow_old(candidate: Leadership, clock: ManualClock) -> None:
    """Let the time of a lease pass under the eyes of a candidate."""
    for _ in range(int(LEASE_SECONDS)):
        assert candidate.campaign() is None
        clock.advance(1)


def lease_of(leadership: Leadership, clock: ManualClock) -> Lease:
    return LeaseStore(leadership.database, clock).leader()


def test_only_one_leads(candidates: tuple[Leadership, Leadership], clock: ManualClock) -> None:
    first, second = candidates
    fence = first.campaign()
    assert fence == Fence(1)
    assert second.campaign() is None
    first.renew(fence)
    assert "process" in str(lease_of(second, clock).holder)


def test_another_takes_over_at_once_after_one_has_resigned(
    candidates: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    first, second = candidates
    fence = first.campaign()
    assert fence is not None
    assert second.campaign() is None
    first.resign(fence)
    assert lease_of(first, clock).holder is None
    newer = second.campaign()
    assert newer == Fence(2)
    second.renew(newer)
    assert first.campaign() is None
    with pytest.raises(LeadershipLostError):
        first.renew(fence)


def test_another_takes_over_soon_from_one_that_has_ended(
    candidates: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    first, second = candidates
    assert first.campaign() == Fence(1)
    # As the end of its process does.
    first.close()

    def take() -> bool:
        clock.advance(RECONNECT_SECONDS / 4)
        return second.campaign() == Fence(2)

    began = clock.now
    eventually(take, 10, "the end of the first is seen")
    if second.database.is_sqlite:
        assert clock.now - began == RECONNECT_SECONDS / 4
    else:
        assert clock.now - began > RECONNECT_SECONDS


def test_a_leader_that_connects_again_stays_the_leader(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    with (
        candidate(postgres_url, tmp_path, clock) as first,
        candidate(postgres_url, tmp_path, clock) as second,
    ):
        first.database.migrate()
        fence = first.campaign()
        assert fence is not None
        for _ in range(2):
            end_others(second)
            eventually(lambda: looks(second), 10, "another connection")
            clock.advance(RECONNECT_SECONDS - 1)
            assert second.campaign() is None
            eventually(lambda: renews(first, fence), 10, "another connection")
            assert second.campaign() is None


def looks(leadership: Leadership) -> bool:
    """Whether a candidate has seen the lease by a connection that works."""
    try:
        return leadership.campaign() is None
    except StoreAwayError:
        return False


def end_others(leadership: Leadership) -> None:
    """End all connections but one that is new."""
    with leadership.database.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        )


def test_a_candidate_that_could_not_look_gives_the_leader_time_to_renew(
    candidates: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    first, second = candidates
    assert first.campaign() == Fence(1)
    assert second.campaign() is None
    # As when the database is locked, or away.
    clock.advance(10 * LEASE_SECONDS)
    grow_old(second, clock)
    first.renew(Fence(1))
    assert second.campaign() is None


def test_a_clock_that_is_set_ends_no_term(
    candidates: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    first, second = candidates
    assert first.campaign() == Fence(1)
    for seconds in (1e6, -2e6):
        # Of the database's machine, or of one of the two.
        first.clock = second.clock = ManualClock(clock.now + seconds)
        with first.database.write() as connection:
            connection.execute(
                text("UPDATE leader SET renewed_at = renewed_at + :by"), {"by": seconds}
            )
        assert second.campaign() is None
    first.renew(Fence(1))


@pytest.fixture
def in_a_folder(tmp_path: Path, clock: ManualClock) -> Iterator[tuple[Leadership, Leadership]]:
    """One that leads on SQLite, and one that waits."""
    url = f"sqlite:///{tmp_path / 'test.db'}"
    with candidate(url, tmp_path, clock) as first, candidate(url, tmp_path, clock) as second:
        first.database.migrate()
        assert first.campaign() == Fence(1)
        yield first, second


def move(leadership: Leadership, *, boot: str | None = None, namespace: str | None = None) -> None:
    """Let the leader be a process elsewhere."""
    with leadership.database.write() as connection:
        session = connection.execute(text("SELECT session FROM leader")).scalar_one()
        own_boot, own_namespace, *rest = session.split("/")
        moved = "/".join((boot or own_boot, namespace or own_namespace, *rest))
        connection.execute(
            text("UPDATE leader SET session = :moved, renewed_at = renewed_at + 1"),
            {"moved": moved},
        )


def test_a_frozen_leader_in_another_container_is_named_and_waited_for(
    in_a_folder: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    first, second = in_a_folder
    move(first, namespace="pid:[1]")
    grow_old(second, clock)
    with pytest.raises(UnreachableLeaderError, match=r"process \d+ on .*another container"):
        second.campaign()
    first.close()
    assert second.campaign() == Fence(2)


def test_a_leader_on_another_machine_is_refused_while_it_renews(
    in_a_folder: tuple[Leadership, Leadership], clock: ManualClock
) -> None:
    """Even where locks of files are not seen between machines."""
    first, second = in_a_folder
    move(first, boot="elsewhere")
    first.close()
    assert second.campaign() is None
    move(second, boot="elsewhere")
    with pytest.raises(UnreachableLeaderError, match="SQLite works on one machine only"):
        second.campaign()
    grow_old(second, clock)
    assert second.campaign() == Fence(2)


def test_a_leader_whose_connection_has_ended_goes_on_with_another_one(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    with candidate(postgres_url, tmp_path, clock) as only:
        only.database.migrate()
        fence = only.campaign()
        assert fence is not None
        end_others(only)
        eventually(lambda: renews(only, fence), 10, "another connection")


def renews(leadership: Leadership, fence: Fence) -> bool:
    try:
        leadership.renew(fence)
    except Exception:  # noqa: BLE001 - whatever a cut connection raises
        return False
    return True


def test_an_overdue_leader_is_replaced_and_may_write_nothing_more(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    with (
        candidate(postgres_url, tmp_path, clock) as frozen,
        candidate(postgres_url, tmp_path, clock) as other,
    ):
        frozen.database.migrate()
        fence = frozen.campaign()
        leaders = open_store(
            database_url=postgres_url, blobs_folder=tmp_path / "b", clock=clock, fence=fence
        )
        leaders.deployments.create("before")
        grow_old(other, clock)
        assert other.campaign() == Fence(2)
        with pytest.raises(LeadershipLostError):
            leaders.deployments.create("after")
        assert [each.name for each in leaders.deployments.all()] == ["before"]
        leaders.close()


def test_a_new_leader_waits_for_a_transaction_of_the_old_one(
    postgres_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    """Or the server ends it: a frozen process keeps nobody from leading."""
    with (
        candidate(postgres_url, tmp_path, clock) as frozen,
        candidate(postgres_url, tmp_path, clock) as other,
    ):
        frozen.database.migrate()
        fence = frozen.campaign()
        leaders = Database(postgres_url, fence=fence)

        def be_held_up() -> None:
            with leaders.write() as connection:
                grow_old(other, clock)
                eventually(lambda: campaigns(other), 30, "the server has ended the transaction")
                connection.execute(text("SELECT 1"))

        with pytest.raises(StoreAwayError, match="does not answer"):
            be_held_up()
        leaders.close()


def campaigns(leadership: Leadership) -> bool:
    try:
        return leadership.campaign() is not None
    except Exception:  # noqa: BLE001 - the lock is still held
        return False
