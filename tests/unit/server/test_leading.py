"""A term as the leader ends by the leader's own clock, whatever the database does."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dagstead.plane.leases import TRUST_SECONDS, LeadershipLostError
from dagstead.server.leading import Term
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database
from dagstead.store.leadership import Leadership
from dagstead.store.leases import LeaseStore
from dagstead.store.lines import Patience
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from dagstead.watch.rounds import Chore, run_rounds
from tests.support.stores import empty_store


@pytest.fixture
def leadership(tmp_path: Path, clock: ManualClock) -> Iterator[Leadership]:
    """A candidate that does not wait for a locked database."""
    empty_store(tmp_path, clock).close()
    database = Database(f"sqlite:///{tmp_path / 'plane.db'}", patience=Patience(lock=0.0))
    candidate = Leadership(database, clock, tmp_path / "daemon.lock")
    yield candidate
    candidate.close()
    database.close()


@contextmanager
def term_of(leadership: Leadership, clock: ManualClock) -> Iterator[Term]:
    fence = leadership.campaign()
    assert fence is not None
    with Term(leadership, fence, clock=clock) as term:
        yield term


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """A database that takes no renewal."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def store_of(folder: Path, clock: ManualClock, term: Term) -> Store:
    return open_store(
        database_url=f"sqlite:///{folder / 'plane.db'}",
        blobs_folder=folder / "blobs",
        clock=clock,
        fence=term.fence,
    )


def test_a_leader_that_cannot_renew_neither_reads_nor_writes_nor_goes_on(
    tmp_path: Path, leadership: Leadership, clock: ManualClock
) -> None:
    done: list[str] = []
    with (
        term_of(leadership, clock) as term,
        closing(store_of(tmp_path, clock, term)) as store,
        locked(tmp_path / "plane.db"),
    ):

        def lose() -> None:
            done.append("first")
            clock.advance(TRUST_SECONDS)

        chores = [
            Chore(what="do something", do=lose),
            Chore(what="do more", do=lambda: done.append("second")),
        ]
        with pytest.raises(LeadershipLostError):
            run_rounds(chores, threading.Event(), term.fence)
        with pytest.raises(LeadershipLostError):
            store.deployments.all()
        with pytest.raises(LeadershipLostError):
            store.deployments.create("prod")
    assert done == ["first"]


def test_a_renewal_prolongs_the_term(leadership: Leadership, clock: ManualClock) -> None:
    leases = LeaseStore(leadership.database, clock)
    with term_of(leadership, clock) as term:
        for _ in range(2):
            clock.advance(TRUST_SECONDS - 0.5)
            eventually(lambda: leases.leader().renewed_at == clock.now, 10, "a renewal")
        eventually(lambda: not term.fence.is_over(), 1, "the term goes on")
    # Another process may lead at once.
    assert term.fence.is_over()


def test_a_lost_lease_ends_the_rounds_without_a_traceback(
    leadership: Leadership, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def notice() -> None:
        raise LeadershipLostError

    with term_of(leadership, clock) as term, pytest.raises(LeadershipLostError):
        run_rounds([Chore(what="write", do=notice)], threading.Event(), term.fence)
    assert "Traceback" not in caplog.text
