"""What is said of a location, by how its newest load and release went."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dagster._core.workspace.workspace import CodeLocationLoadStatus
from dagster._serdes import serialize_value

from dagstead.engine.location_entries import failure_of, serving_entry, shown_entry
from dagstead.plane.locations import Deploy, LoadState, Location
from tests.support.played_agent import BROKEN

ERROR = serialize_value(BROKEN)
BACK = "Release 2 did not go live: 'ml' did not load. It serves release 1 again."
NOTHING = "Release 1 did not go live: 'ml' did not load. It serves nothing yet."

LIVE = Location(
    deployment="prod",
    name="ml",
    document={},
    deploy_data="",
    deploy_id="d1",
    queue=None,
    state=LoadState.LOADED,
    timestamp=1.0,
    manifest="{}",
    manifest_deploy_id="d1",
    live=Deploy(document={}, deploy_data="", deploy_id="d1", queue=None),
    release=1,
    open_release=None,
    error=None,
    notice=None,
    updated_at=1.0,
    version=1,
)
NEVER_LIVE = replace(LIVE, manifest=None, manifest_deploy_id=None, live=None, release=None)

CASES = {
    "live": (LIVE, LoadState.LOADED, None),
    "first deploy loads": (
        replace(NEVER_LIVE, state=LoadState.LOADING, open_release=1),
        LoadState.LOADING,
        None,
    ),
    "its definitions wait for those of others": (
        replace(LIVE, open_release=2),
        LoadState.LOADING,
        None,
    ),
    "reload": (replace(LIVE, state=LoadState.LOADING), LoadState.LOADING, None),
    "first deploy failed": (
        replace(NEVER_LIVE, state=LoadState.FAILED, error=ERROR, notice=NOTHING),
        LoadState.FAILED,
        f"{NOTHING} RuntimeError: warehouse is down",
    ),
    "another location of the first release failed": (
        replace(NEVER_LIVE, notice=NOTHING),
        LoadState.FAILED,
        NOTHING,
    ),
    "reload failed": (
        replace(LIVE, state=LoadState.FAILED, error=ERROR),
        LoadState.FAILED,
        "RuntimeError: warehouse is down",
    ),
    "release failed, an agent goes back": (
        replace(LIVE, state=LoadState.LOADING, error=ERROR, notice=BACK),
        LoadState.LOADED,
        f"{BACK} RuntimeError: warehouse is down",
    ),
    "release failed, what was before serves": (
        replace(LIVE, error=ERROR, notice=BACK),
        LoadState.LOADED,
        f"{BACK} RuntimeError: warehouse is down",
    ),
    "release failed, and so did what was before": (
        replace(LIVE, state=LoadState.FAILED, error=ERROR, notice=BACK),
        LoadState.FAILED,
        f"{BACK} That can no longer be loaded: RuntimeError: warehouse is down",
    ),
}


@pytest.mark.parametrize(("location", "state", "failure"), CASES.values(), ids=CASES)
def test_lists_show_the_state_and_what_failed(
    location: Location, state: LoadState, failure: str | None
) -> None:
    assert location.shown_state is state
    assert failure_of(location) == failure


@pytest.mark.parametrize(("location", "state", "failure"), CASES.values(), ids=CASES)
def test_an_entry_has_the_same_state_and_the_whole_error(
    location: Location, state: LoadState, failure: str | None
) -> None:
    entry = shown_entry(location, serving_entry(location, None, None))

    assert (entry.load_status is CodeLocationLoadStatus.LOADING) is (state is LoadState.LOADING)
    assert (entry.load_error is None) is (failure is None)
    if entry.load_error is not None and location.error is not None:
        assert entry.load_error.message.endswith(BROKEN.message)
        assert (entry.load_error.stack, entry.load_error.cause) == (BROKEN.stack, BROKEN.cause)


def test_each_change_is_seen_by_the_key_that_the_ui_compares() -> None:
    keys = {
        serving_entry(each, None, None).version_key
        for each in (LIVE, replace(LIVE, version=2), replace(LIVE, deploy_id="d2"))
    }
    assert len(keys) == 3
