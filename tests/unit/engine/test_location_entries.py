"""What is said of a location, by how its newest load and release went."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dagster._core.workspace.workspace import CodeLocationLoadStatus
from dagster._serdes import serialize_value

from dagstead.engine.location_entries import (
    FAILURE_KEY,
    STATUS_KEY,
    failure_of,
    serving_entry,
    shown_entry,
)
from dagstead.plane.healing import Healing, RefusedCall
from dagstead.plane.location_status import Attendance, Facts, status_of
from dagstead.plane.locations import LoadState, Location
from tests.support.locations import LIVE_LOCATION
from tests.support.played_agent import BROKEN

ERROR = serialize_value(BROKEN)
BACK = "Release 2 did not go live: 'ml' did not load. It serves release 1 again."
NOTHING = "Release 1 did not go live: 'ml' did not load. It serves nothing yet."

NEVER_LIVE = replace(LIVE_LOCATION, manifest=None, manifest_deploy_id=None, live=None, release=None)

CASES = {
    "live": (LIVE_LOCATION, "live", None),
    "first deploy loads": (
        replace(NEVER_LIVE, state=LoadState.LOADING, open_release=1),
        "loading",
        None,
    ),
    "its definitions wait for those of others": (
        replace(LIVE_LOCATION, open_release=2),
        "loading",
        None,
    ),
    "reload": (replace(LIVE_LOCATION, state=LoadState.LOADING), "loading", None),
    "first deploy failed": (
        replace(NEVER_LIVE, state=LoadState.FAILED, error=ERROR, notice=NOTHING),
        "in error",
        f"{NOTHING} RuntimeError: warehouse is down",
    ),
    "another location of the first release failed": (
        replace(NEVER_LIVE, notice=NOTHING),
        "in error",
        NOTHING,
    ),
    "reload failed": (
        replace(LIVE_LOCATION, state=LoadState.FAILED, error=ERROR),
        "in error",
        "RuntimeError: warehouse is down",
    ),
    "reload failed, and is tried again": (
        replace(
            LIVE_LOCATION,
            state=LoadState.LOADING,
            error=ERROR,
            healing=Healing(since=1.0, tries=2, last_at=9.0),
        ),
        "in error, healing (try 2 under way)",
        "RuntimeError: warehouse is down",
    ),
    "a call was refused": (
        replace(LIVE_LOCATION, refused=RefusedCall(at=9.0, reason="It is gone.")),
        "in error",
        "It is gone.",
    ),
    "release failed, an agent goes back": (
        replace(LIVE_LOCATION, state=LoadState.LOADING, error=ERROR, notice=BACK),
        "in error, serving release 1",
        f"{BACK} RuntimeError: warehouse is down",
    ),
    "release failed, what was before serves": (
        replace(LIVE_LOCATION, error=ERROR, notice=BACK),
        "in error, serving release 1",
        f"{BACK} RuntimeError: warehouse is down",
    ),
    "release failed, and so did what was before": (
        replace(LIVE_LOCATION, state=LoadState.FAILED, error=ERROR, notice=BACK),
        "in error",
        f"{BACK} That can no longer be loaded: RuntimeError: warehouse is down",
    ),
}


@pytest.mark.parametrize(("location", "state", "failure"), CASES.values(), ids=CASES)
def test_an_entry_shows_the_status_and_the_whole_error(
    location: Location, state: str, failure: str | None
) -> None:
    status = status_of(Facts(location=location, attendance=Attendance()))
    entry = shown_entry(location, serving_entry(location, None, None), status)

    assert entry.display_metadata[STATUS_KEY] == str(status) == state
    assert entry.display_metadata.get(FAILURE_KEY) == failure_of(location, status) == failure
    assert (entry.load_status is CodeLocationLoadStatus.LOADING) is (state == "loading")
    assert (entry.load_error is None) is (failure is None)
    if entry.load_error is not None and location.error is not None:
        assert entry.load_error.message.endswith(BROKEN.message)
        assert (entry.load_error.stack, entry.load_error.cause) == (BROKEN.stack, BROKEN.cause)


def test_each_change_is_seen_by_the_key_that_the_ui_compares() -> None:
    changes = (
        LIVE_LOCATION,
        replace(LIVE_LOCATION, version=2),
        replace(LIVE_LOCATION, deploy_id="d2"),
    )
    keys = {
        shown_entry(
            each,
            serving_entry(each, None, None),
            status_of(Facts(location=each, attendance=attendance)),
        ).version_key
        for each in changes
        for attendance in (Attendance(), Attendance(unserved="Nobody.", since=1.0))
    }
    assert len(keys) == 6
