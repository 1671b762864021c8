"""The leader's lease in the database: only one process at a time runs the daemons."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, update

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.plane.leases import (
    Fence,
    LeadershipLostError,
    Lease,
    Succession,
    UnreachableLeaderError,
    judge,
)
from dagstead.store.away import translated
from dagstead.store.database import Database
from dagstead.store.fences import LEADER
from dagstead.store.leases import LeaseStore
from dagstead.store.lines import Patience
from dagstead.store.seats import FolderSeat, PostgresSeat, Seat
from dagstead.store.tables import leader

#: Of the connection that renews the lease: two tries fit into the time that a leader trusts itself.
CANDIDATES_PATIENCE = Patience(answer=3.0, connect=3, statement=2.5, lock=2.0)

#: A candidate that could not look for this long begins to count anew: what kept it from looking, as
#: a locked database, may have kept the leader from renewing.
_BLIND_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A renewal, and when it was first and last looked at."""

    stamp: tuple[int, float]
    first: float
    last: float


@dataclass(slots=True)
class Leadership:
    """One candidate. It is not safe for several threads."""

    #: Its own: a line that is cut off must not take long to be noticed.
    database: Database
    clock: Clock
    #: The file that is locked on SQLite.
    file: Path
    #: By which the leader's renewals are waited for: two machines may disagree about the time.
    stopwatch: Callable[[], float] = time.monotonic
    _seat: Seat = field(init=False)
    _leases: LeaseStore = field(init=False)
    _connection: Connection | None = field(default=None, init=False)
    _seen: _Sighting | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._leases = LeaseStore(self.database, self.clock)
        self._seat = FolderSeat(self.file) if self.database.is_sqlite else PostgresSeat()

    def campaign(self) -> Fence | None:
        """Lead, if nobody else does; return the proof of it.

        Raises:
            UnreachableLeaderError: when somebody else does, and people have to do something.
            StoreAwayError: when the database does not answer, or takes no change.
        """
        with self._line() as connection:
            lease = self._leases.read(connection)
            verdict = judge(
                lease,
                unchanged_seconds=self._unchanged_seconds(lease),
                needed_seconds=self._seat.needed_seconds(connection, lease.session),
                holds_lock=self._seat.holds_lock(),
            )
            if verdict is Succession.EVICT and not self._seat.evict(lease.session):
                raise UnreachableLeaderError(
                    f"{lease.holder} leads and does nothing any more. It locks {str(self.file)!r} "
                    "and cannot be ended from here, as it is in another container or belongs to "
                    "another user. Stop it."
                )
            return self._take(connection, lease) if verdict is Succession.TAKE else None

    def renew(self, fence: Fence) -> None:
        """Go on leading for the length of a lease.

        Raises:
            LeadershipLostError: when another process leads.
            StoreAwayError: when the database does not answer, or takes no change.
        """
        with self._line() as connection:
            renewed = connection.execute(
                update(leader)
                .where(_held(fence))
                .values(renewed_at=self._leases.now(), session=self._seat.session(connection))
            ).rowcount
        if not renewed:
            raise LeadershipLostError

    def resign(self, fence: Fence) -> None:
        """Let another process lead at once. Call it when nothing of the daemons runs any more."""
        # If the database does not answer, the lease runs out.
        with suppress(StoreAwayError), self._line() as connection:
            connection.execute(update(leader).where(_held(fence)).values(holder=None, session=None))
        self._seat.leave()

    def close(self) -> None:
        """Close the connection, and unlock the file."""
        self._drop_connection()
        self._seat.leave()

    def _unchanged_seconds(self, lease: Lease) -> float:
        now = self.stopwatch()
        stamp = (lease.epoch, lease.renewed_at)
        before = self._seen
        is_same = before is not None and before.stamp == stamp
        if before is not None and is_same and now - before.last < _BLIND_SECONDS:
            self._seen = replace(before, last=now)
            return now - before.first
        self._seen = _Sighting(stamp, first=now, last=now)
        if before is not None and not is_same and self._is_foreign(lease):
            raise UnreachableLeaderError(
                f"{lease.holder} runs the daemons on this data folder, from another machine. "
                "SQLite works on one machine only. Stop one of the two, or use Postgres: "
                "--database postgresql://USER@HOST/NAME."
            )
        return 0.0

    def _is_foreign(self, lease: Lease) -> bool:
        return lease.holder is not None and self._seat.is_foreign(lease.session)

    def _take(self, connection: Connection, lease: Lease) -> Fence | None:
        now = self._leases.now()
        taken = connection.execute(
            update(leader)
            .where(leader.c.name == LEADER)
            # If another candidate was quicker, it has raised the epoch.
            .where(leader.c.epoch == lease.epoch)
            .values(
                epoch=lease.epoch + 1,
                holder=f"process {os.getpid()} on {platform.node()}",
                session=self._seat.session(connection),
                since=now,
                renewed_at=now,
            )
        ).rowcount
        return Fence(lease.epoch + 1) if taken else None

    @contextmanager
    def _line(self) -> Iterator[Connection]:
        """The connection that others watch on Postgres; a transaction on SQLite."""
        if self.database.is_sqlite:
            with self.database.write() as connection:
                yield connection
            return
        try:
            if self._connection is None:
                self._connection = self.database.hold()
            with translated():
                yield self._connection
        except StoreAwayError:
            self._drop_connection()
            raise

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                # It must not go back to the pool, as others see by its end that this one is gone.
                self._connection.invalidate()
                self._connection.close()
            self._connection = None


def _held(fence: Fence) -> ColumnElement[bool]:
    return (leader.c.name == LEADER) & (leader.c.epoch == fence.epoch)
