"""When a candidate may lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.plane.leases import (
    LEASE_SECONDS,
    RECONNECT_SECONDS,
    RENEW_SECONDS,
    TRUST_SECONDS,
    Lease,
    Succession,
    judge,
)


def lease(age: float, holder: str | None = "process 7 on box") -> Lease:
    return Lease(epoch=3, holder=holder, session="7:1", since=0.0, renewed_at=9.0, age=age)


@given(
    age=st.floats(-1e9, 1e9),
    unchanged=st.floats(0, 1e9),
    needed=st.sampled_from([0.0, RECONNECT_SECONDS, LEASE_SECONDS]),
    locks=st.booleans(),
)
def test_nobody_replaces_a_leader_that_renews_and_somebody_every_other(
    *, age: float, unchanged: float, needed: float, locks: bool
) -> None:
    """Whatever the clocks say: somebody may have set them."""
    verdict = judge(
        lease(age), unchanged_seconds=unchanged, needed_seconds=needed, holds_lock=locks
    )
    renews = unchanged < needed
    assert (verdict is Succession.WAIT) == renews
    assert (verdict is Succession.EVICT) == (locks and not renews)


@pytest.mark.parametrize("locks", [True, False])
def test_a_lease_that_was_given_back_is_taken_at_once(*, locks: bool) -> None:
    free = lease(0.0, holder=None)
    verdict = judge(free, unchanged_seconds=0.0, needed_seconds=LEASE_SECONDS, holds_lock=locks)
    assert verdict is Succession.TAKE


def test_a_leader_stops_before_another_one_begins() -> None:
    assert RENEW_SECONDS * 3 < TRUST_SECONDS < LEASE_SECONDS
    assert RENEW_SECONDS * 2 <= RECONNECT_SECONDS < TRUST_SECONDS
