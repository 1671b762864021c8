"""What is said of a location, from everything that is known of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.healing import (
    BREAKER_TRIES,
    Healing,
    RefusedCall,
    failed_again,
    tried_again,
)
from dagstead.plane.location_status import (
    Attendance,
    Condition,
    Facts,
    needs_healing,
    reports_on,
    status_of,
)
from dagstead.plane.locations import LoadState
from tests.support.heartbeats import heartbeat_of
from tests.support.locations import LIVE_LOCATION

NOW = 1_000_000.0
LIVE = replace(LIVE_LOCATION, updated_at=NOW - 100)
RUNNING = ServerReport(location="ml", state=ServerState.RUNNING)
FAILED = ServerReport(location="ml", state=ServerState.FAILED, error="warehouse is down")
NOBODY = Attendance(unserved="No agent is running.", since=NOW - 60)

tries = st.builds(
    Healing,
    since=st.just(NOW - 90),
    tries=st.integers(0, BREAKER_TRIES + 2),
    last_at=st.floats(NOW - 90, NOW),
)
locations = st.builds(
    replace,
    st.just(LIVE),
    state=st.sampled_from(LoadState),
    manifest=st.sampled_from(["{}", None]),
    open_release=st.sampled_from([None, 2]),
    release=st.sampled_from([None, 1]),
    error=st.sampled_from([None, "{}"]),
    notice=st.sampled_from([None, "Release 2 did not go live."]),
    healing=st.none() | tries,
    refused=st.none() | st.builds(RefusedCall, at=st.just(NOW), reason=st.just("It is gone.")),
)
attendances = st.sampled_from([Attendance(), Attendance(is_busy_loading=True), NOBODY])
facts = st.builds(
    Facts,
    location=locations,
    attendance=attendances,
    servers=st.lists(st.sampled_from([RUNNING, FAILED]), max_size=2).map(tuple),
)


@given(facts=facts)
def test_nobody_serves_it_comes_before_everything_else(facts: Facts) -> None:
    status = status_of(facts)
    assert (status.condition is Condition.UNSERVED) is (facts.attendance is NOBODY)


@given(facts=facts)
def test_only_what_can_be_called_is_called_usable(facts: Facts) -> None:
    status = status_of(facts)
    location = facts.location
    if status.condition is Condition.LIVE:
        assert location.state is not LoadState.FAILED
        assert location.manifest is not None
        assert (location.notice, location.refused, location.healing) == (None, None, None)
        assert not facts.servers or RUNNING in facts.servers
    if status.condition is Condition.IN_ERROR and status.is_usable:
        assert location.manifest is not None
        assert location.notice is not None


@given(facts=facts)
def test_every_status_is_said_in_words_of_its_own(facts: Facts) -> None:
    said = str(status_of(facts))
    begins = {
        Condition.LIVE: "live",
        Condition.LOADING: "loading",
        Condition.HEALING: "in error, healing (try ",
        Condition.IN_ERROR: "in error",
        Condition.UNSERVED: "nobody serves it since 1970-01-12T13:45:40Z",
    }
    assert said.startswith(begins[status_of(facts).condition])


@given(facts=facts)
def test_only_what_is_in_error_and_not_under_way_is_healed(facts: Facts) -> None:
    if needs_healing(facts, NOW + 10_000):
        assert facts.attendance is not NOBODY
        assert facts.location.state is not LoadState.LOADING
        assert facts.location.open_release is None
        assert not status_of(facts).is_usable
    if needs_healing(facts, NOW):
        assert needs_healing(facts, NOW + 1)


def test_one_code_server_that_runs_is_enough() -> None:
    two = Facts(location=LIVE, attendance=Attendance(), servers=(FAILED, RUNNING))
    assert status_of(two).condition is Condition.LIVE
    one = replace(two, servers=(FAILED,))
    assert status_of(one).condition is Condition.IN_ERROR
    assert status_of(one).reason == "warehouse is down"


def test_a_heartbeat_counts_from_some_seconds_after_the_last_change() -> None:
    beat = heartbeat_of(now=LIVE.updated_at + 4, servers=(FAILED, replace(FAILED, location="x")))
    later = replace(beat, received_at=LIVE.updated_at + 5)
    elsewhere = replace(later, deployment="staging")
    assert reports_on(LIVE, [beat, elsewhere]) == ()
    assert reports_on(LIVE, [later]) == (FAILED,)
    back = replace(LIVE, state=LoadState.LOADING, notice="Release 2 did not go live.")
    assert reports_on(back, [later]) == (), "it is the error of release 2"


def test_a_release_of_which_nothing_serves_is_not_healed_but_waits() -> None:
    held = replace(LIVE, manifest=None, live=None, release=None, notice="Others failed.")
    waiting = Facts(location=held, attendance=Attendance())
    assert status_of(waiting).condition is Condition.IN_ERROR
    assert not needs_healing(waiting, NOW + 10_000)


def test_tries_come_ever_more_seldom_and_never_end() -> None:
    healing = failed_again(None, NOW)
    pauses = []
    for _ in range(BREAKER_TRIES + 1):
        pauses.append(healing.next_at - healing.last_at)
        healing = failed_again(tried_again(healing, healing.next_at), healing.next_at + 3)
    assert pauses[:6] == [5, 10, 20, 40, 40, 40]
    assert pauses[BREAKER_TRIES] == 900
    assert healing.since == NOW
