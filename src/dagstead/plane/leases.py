"""The leader's lease: who runs the daemons, for how long, and when another one may.

A lease has an epoch, which every new leader raises. Whatever must be done once carries the epoch as
a :class:`Fence` and is refused once it is not the newest: a leader that was frozen for an hour can
wake at any instruction, and believe for a moment that it still leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.errors import DagsteadError

#: Without a renewal for this long, another process may lead.
LEASE_SECONDS = 10.0
#: How often the leader renews its lease.
RENEW_SECONDS = 2.0
#: A leader that has lost its connection renews by another one within this time.
RECONNECT_SECONDS = 4.0
#: A leader that could not renew for this long stops by itself, before another one begins.
TRUST_SECONDS = 7.0


class LeadershipLostError(DagsteadError):
    """Another process may run the daemons now."""


class UnreachableLeaderError(DagsteadError):
    """The leader keeps this process from leading, for a reason that only people can remove."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Fence:
    """Proof of a term as the leader: a write that carries it fails once another one leads."""

    epoch: int
    #: Whether the term is over by the leader's own clock. Then the database is not even asked, and
    #: nobody goes on waiting for its answer.
    is_over: Callable[[], bool] = field(default=_never, compare=False)

    def require(self) -> None:
        """Check that the term is not over.

        Raises:
            LeadershipLostError: when it is.
        """
        if self.is_over():
            raise LeadershipLostError


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The lease as the database has it."""

    #: Of the newest leader, 0 when there was none yet.
    epoch: int
    #: The process, for people; ``None`` after it has resigned.
    holder: str | None
    #: What ends together with the process: see `dagstead.store.seats`.
    session: str | None
    #: When this leader began, in seconds since 1970.
    since: float
    #: Of the last renewal; every other one has another stamp.
    renewed_at: float
    #: Seconds since the last renewal, by the clock that renewals are stamped with. For people: that
    #: clock may be set.
    age: float


class Succession(StrEnum):
    """What a candidate does next."""

    WAIT = "wait"
    TAKE = "take"
    #: The leader is frozen, and keeps a lock that only its end frees.
    EVICT = "evict"


def judge(
    lease: Lease, *, unchanged_seconds: float, needed_seconds: float, holds_lock: bool
) -> Succession:
    """What a candidate may do.

    Args:
        lease: as the database has it.
        unchanged_seconds: for how long the candidate has seen no renewal, by its own clock, which
            nobody sets.
        needed_seconds: after how long the leader counts as gone.
        holds_lock: whether the leader keeps a lock that nobody can take from it.
    """
    if lease.holder is None:
        return Succession.TAKE
    if unchanged_seconds < needed_seconds:
        return Succession.WAIT
    return Succession.EVICT if holds_lock else Succession.TAKE
