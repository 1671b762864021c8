"""Locations: what is deployed, what serves, and which result counts."""

from __future__ import annotations

import pytest

from dagstead.errors import LocationNotFoundError
from dagstead.plane.locations import LoadState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy
from tests.support.releases import new_location as location

pytestmark = pytest.mark.storage


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")


def test_old_definitions_serve_until_the_new_ones_have_loaded(store: Store) -> None:
    deploy(store, "prod", [location("weather", "1")])
    store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="first")

    [again] = deploy(store, "prod", [location("weather", "2", queue="gpu")])

    assert again.state is LoadState.LOADING
    assert (again.manifest, again.manifest_deploy_id, again.queue) == ("first", "1", "gpu")
    store.releases.set_loaded("prod", "weather", deploy_id="2", manifest="second")
    loaded = store.locations.get("prod", "weather")
    assert (loaded.state, loaded.manifest) == (LoadState.LOADED, "second")


def test_a_late_result_of_an_older_deploy_changes_nothing(store: Store) -> None:
    deploy(store, "prod", [location("weather", "1")])
    deploy(store, "prod", [location("weather", "2")])

    late = store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="old")
    assert not late.counted
    assert not store.releases.set_failed("prod", "weather", deploy_id="1", error="old").counted
    assert store.locations.get("prod", "weather").state is LoadState.LOADING


def test_a_first_deploy_that_failed_may_recover(store: Store) -> None:
    deploy(store, "prod", [location("weather", "1")])
    store.releases.set_failed("prod", "weather", deploy_id=None, error="boom")
    failed = store.locations.get("prod", "weather")
    assert (failed.state, failed.error, failed.manifest) == (LoadState.FAILED, "boom", None)

    store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="better")

    recovered = store.locations.get("prod", "weather")
    assert (recovered.error, recovered.notice, recovered.manifest) == (None, None, "better")


def test_deploys_of_the_same_second_have_whole_seconds_between_them(store: Store) -> None:
    stamps = [
        deploy(store, "prod", [location("weather", str(number))])[0].timestamp
        for number in range(3)
    ]

    assert stamps == [stamps[0], stamps[0] + 1, stamps[0] + 2]
    store.locations.reload("prod", ["weather"])
    assert store.locations.get("prod", "weather").timestamp == stamps[0] + 3


def test_every_change_raises_the_workspace_version(store: Store) -> None:
    seen = [store.locations.version("prod")]

    def changed() -> bool:
        seen.append(store.locations.version("prod"))
        return seen[-1] > seen[-2]

    deploy(store, "prod", [location("weather", "1")])
    assert changed()
    store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="m")
    assert changed()
    store.locations.reload("prod", ["weather"])
    assert changed()
    store.releases.remove("prod", "weather")
    assert changed()


def test_an_unknown_location_is_refused_with_those_that_exist(store: Store) -> None:
    deploy(store, "prod", [location("weather", "1")])

    with pytest.raises(LocationNotFoundError, match="'wether'.*It has: weather"):
        store.locations.get("prod", "wether")
    with pytest.raises(LocationNotFoundError):
        store.releases.remove("prod", "wether")


def test_the_clock_moves_the_time_stamp_on(store: Store, clock: ManualClock) -> None:
    [first] = deploy(store, "prod", [location("weather", "1")])
    clock.advance(60.5)
    [second] = deploy(store, "prod", [location("weather", "2")])

    assert second.timestamp == first.timestamp + 61
