"""Releases: live together, or back together."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.errors import ReleaseNotFoundError
from dagstead.plane.locations import LoadState
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import NewRelease, PartState, Phase, ReleaseState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location

pytestmark = pytest.mark.storage


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")


def release(store: Store, deploys: dict[str, str], **more: Any) -> int:
    """Begin a release of locations, given with the names of their deploys; its number."""
    locations = [new_location(name, deploy_id) for name, deploy_id in deploys.items()]
    begun, _ = store.releases.begin("prod", NewRelease(locations=locations, **more))
    return begun.number


def load(store: Store, name: str, deploy_id: str) -> None:
    outcome = store.releases.set_loaded(
        "prod", name, deploy_id=deploy_id, manifest=f"manifest {deploy_id}"
    )
    assert outcome.counted


def live(store: Store) -> dict[str, str | None]:
    return {each.name: each.manifest_deploy_id for each in store.locations.all("prod")}


def test_the_same_definitions_may_come_twice(store: Store) -> None:
    release(store, {"weather": "w1", "digits": "d1"})
    load(store, "weather", "w1")
    load(store, "weather", "w1")
    load(store, "digits", "d1")

    assert live(store) == {"weather": "w1", "digits": "d1"}


@pytest.fixture
def both_live(store: Store) -> None:
    release(store, {"weather": "w1", "digits": "d1"})
    load(store, "weather", "w1")
    load(store, "digits", "d1")


def test_locations_go_live_together(store: Store) -> None:
    number = release(store, {"weather": "w1", "digits": "d1"}, commit_hash="abc", by="ci")

    load(store, "weather", "w1")
    assert live(store) == {"weather": None, "digits": None}
    assert store.locations.get("prod", "weather").is_loading
    load(store, "digits", "d1")

    assert live(store) == {"weather": "w1", "digits": "d1"}
    ended = store.releases.get("prod", number)
    assert (ended.state, ended.commit_hash, ended.by) == (ReleaseState.LIVE, "abc", "ci")
    assert ended.ended_at is not None
    assert not store.locations.get("prod", "weather").is_loading


@pytest.mark.usefixtures("both_live")
def test_all_go_back_when_one_does_not_load(store: Store) -> None:
    number = release(store, {"weather": "w2", "digits": "d2"})
    load(store, "weather", "w2")

    outcome = store.releases.set_failed("prod", "digits", deploy_id="d2", error="boom")

    assert outcome.counted
    assert outcome.queues == {None}
    weather, digits = (store.locations.get("prod", name) for name in ("weather", "digits"))
    assert live(store) == {"weather": "w1", "digits": "d1"}
    assert (weather.deploy_id, digits.deploy_id) == ("w1", "d1")
    assert (weather.state, digits.state) == (LoadState.LOADING, LoadState.LOADING)
    assert not weather.is_loading
    assert (weather.error, digits.error) == (None, "boom")
    assert "because 'digits' did not load. It serves release 1 again" in (weather.notice or "")
    failed = store.releases.get("prod", number)
    assert failed.state is ReleaseState.FAILED
    assert {each.name: each.state for each in failed.parts} == {
        "digits": PartState.FAILED,
        "weather": PartState.BACK,
    }


@pytest.mark.usefixtures("both_live")
def test_the_time_stamp_grows_on_the_way_back(store: Store) -> None:
    before = store.locations.get("prod", "weather").timestamp
    release(store, {"weather": "w2"})
    store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")

    assert store.locations.get("prod", "weather").timestamp == before + 2


@pytest.mark.usefixtures("both_live")
def test_an_error_is_shown_until_the_next_deploy(store: Store) -> None:
    release(store, {"weather": "w2"})
    store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")
    load(store, "weather", "w1")

    back = store.locations.get("prod", "weather")
    assert (back.state, back.error, back.manifest) == (LoadState.LOADED, "boom", "manifest w1")
    release(store, {"weather": "w3"})
    assert store.locations.get("prod", "weather").error is None


@pytest.mark.usefixtures("both_live")
def test_what_was_live_may_fail_to_come_back(store: Store) -> None:
    release(store, {"weather": "w2"})
    store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")
    store.releases.set_failed("prod", "weather", deploy_id=None, error="no image")

    row = store.locations.get("prod", "weather")
    assert (row.state, row.error, row.manifest) == (LoadState.FAILED, "no image", "manifest w1")


@pytest.mark.usefixtures("both_live")
def test_what_was_live_may_come_back_at_last(store: Store) -> None:
    release(store, {"weather": "w2"})
    store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")
    store.releases.set_failed("prod", "weather", deploy_id="w1", error="no image")
    load(store, "weather", "w1")

    row = store.locations.get("prod", "weather")
    assert (row.state, row.error) == (LoadState.LOADED, None)
    assert "It serves release 1 again" in (row.notice or "")


@pytest.mark.usefixtures("both_live")
def test_without_atomicity_each_goes_its_way(store: Store) -> None:
    number = release(store, {"weather": "w2", "digits": "d2"}, atomic=False)
    load(store, "weather", "w2")
    assert live(store) == {"weather": "w2", "digits": "d1"}

    store.releases.set_failed("prod", "digits", deploy_id="d2", error="boom")

    assert live(store) == {"weather": "w2", "digits": "d1"}
    assert store.locations.get("prod", "digits").deploy_id == "d1"
    assert store.locations.get("prod", "weather").notice is None
    assert store.releases.get("prod", number).state is ReleaseState.PARTIAL


@pytest.mark.usefixtures("both_live")
def test_a_newer_release_takes_over_what_was_open(store: Store) -> None:
    first = release(store, {"weather": "w2", "digits": "d2"})
    load(store, "weather", "w2")

    second = release(store, {"digits": "d3"})

    assert store.releases.get("prod", first).state is ReleaseState.SUPERSEDED
    assert [each.name for each in store.releases.get("prod", second).parts] == ["digits", "weather"]
    assert live(store) == {"weather": "w1", "digits": "d1"}
    load(store, "digits", "d3")
    assert live(store) == {"weather": "w2", "digits": "d3"}
    assert store.releases.get("prod", second).state is ReleaseState.LIVE


@pytest.mark.usefixtures("both_live")
def test_releases_of_other_locations_do_not_meet(store: Store) -> None:
    first = release(store, {"weather": "w2"})
    second = release(store, {"digits": "d2"})
    store.releases.set_failed("prod", "digits", deploy_id="d2", error="boom")
    load(store, "weather", "w2")

    assert store.releases.get("prod", first).state is ReleaseState.LIVE
    assert store.releases.get("prod", second).state is ReleaseState.FAILED
    assert live(store) == {"weather": "w2", "digits": "d1"}


@pytest.mark.usefixtures("both_live")
def test_a_late_error_without_a_deploy_is_asked_for_once_more(store: Store) -> None:
    """Agents upload errors without saying of which deploy: it may be of the one before."""
    release(store, {"weather": "w2"})
    release(store, {"weather": "w3"})

    late = store.releases.set_failed("prod", "weather", deploy_id=None, error="of w2")

    assert not late.counted
    assert late.queues == {None}
    assert store.locations.get("prod", "weather").is_loading
    assert store.releases.set_failed("prod", "weather", deploy_id=None, error="of w3").counted
    assert store.locations.get("prod", "weather").error == "of w3"


@pytest.mark.usefixtures("both_live")
def test_what_a_release_removes_stays_until_it_is_live(store: Store) -> None:
    release(store, {"weather": "w2"}, removes=["digits"])
    assert live(store) == {"weather": "w1", "digits": "d1"}

    load(store, "weather", "w2")

    assert live(store) == {"weather": "w2"}


@pytest.mark.usefixtures("both_live")
def test_what_a_failed_release_would_have_removed_stays(store: Store) -> None:
    release(store, {"weather": "w2"}, removes=["digits"])
    store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")

    assert live(store) == {"weather": "w1", "digits": "d1"}


def test_a_location_that_never_loaded_can_be_removed(store: Store) -> None:
    release(store, {"weather": "w1", "digits": "d1"})
    release(store, {"weather": "w2"}, removes=["digits"])
    load(store, "weather", "w2")

    assert live(store) == {"weather": "w2"}


@pytest.mark.usefixtures("both_live")
def test_removing_everything_needs_no_agent(store: Store) -> None:
    number = release(store, {}, removes=["weather", "digits"])

    assert live(store) == {}
    assert store.releases.get("prod", number).state is ReleaseState.LIVE


@pytest.mark.usefixtures("both_live")
def test_a_location_that_is_removed_does_not_hold_its_release(store: Store) -> None:
    number = release(store, {"weather": "w2", "digits": "d2"})
    load(store, "weather", "w2")

    store.releases.remove("prod", "digits")

    assert store.releases.get("prod", number).state is ReleaseState.LIVE
    assert live(store) == {"weather": "w2"}


@pytest.mark.usefixtures("both_live")
def test_a_release_that_is_ended_goes_back(store: Store) -> None:
    number = release(store, {"weather": "w2", "digits": "d2"})

    assert store.releases.end("prod", number, "Ada stopped it.").counted

    ended = store.releases.get("prod", number)
    assert (ended.state, ended.reason) == (ReleaseState.FAILED, "Ada stopped it.")
    assert store.locations.get("prod", "digits").deploy_id == "d1"
    assert not store.releases.end("prod", number, "again").counted
    assert not store.releases.set_loaded("prod", "weather", deploy_id="w2", manifest="m").counted


def test_the_queue_that_loses_a_location_is_told_in_both_directions(store: Store) -> None:
    deploy(store, "prod", [new_location("weather", "w1", "eu")])
    load(store, "weather", "w1")
    _, queues = store.releases.begin(
        "prod", NewRelease(locations=[new_location("weather", "w2", "us")])
    )
    assert queues == {"eu", "us"}

    outcome = store.releases.set_failed("prod", "weather", deploy_id="w2", error="boom")

    assert outcome.queues == {"eu", "us"}
    assert store.locations.get("prod", "weather").queue == "eu"


def test_phases_only_go_forward(store: Store) -> None:
    number = release(store, {"weather": "w1"})

    def phase() -> Phase:
        return store.releases.get("prod", number).parts[0].phase

    assert phase() is Phase.QUEUED
    store.releases.note_phase("prod", ["weather"], Phase.IMPORTING)
    store.releases.note_phase("prod", ["weather"], Phase.TAKEN)
    assert phase() is Phase.IMPORTING


def test_releases_are_listed_the_newest_first_and_by_deployment(
    store: Store, clock: ManualClock
) -> None:
    store.deployments.create("other")
    release(store, {"weather": "w1"})
    clock.advance(5)
    release(store, {"digits": "d1"})

    assert [each.number for each in store.releases.all("prod")] == [2, 1]
    assert [each.number for each in store.releases.all("prod", limit=1)] == [2]
    assert store.releases.all("other") == []
    assert [each.number for each in store.releases.open(ORGANIZATION)] == [1, 2]
    with pytest.raises(ReleaseNotFoundError, match="no release 7"):
        store.releases.get("prod", 7)
