"""Locations: what is deployed, what serves, and which result counts."""

from __future__ import annotations

import pytest

from dagstead.errors import LocationNotFoundError
from dagstead.plane.locations import LoadState, NewLocation
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock

pytestmark = pytest.mark.storage


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")


def location(name: str, deploy_id: str, queue: str | None = None) -> NewLocation:
    return NewLocation(
        name=name,
        document={"location_name": name},
        deploy_data="{}",
        deploy_id=deploy_id,
        queue=queue,
    )


def test_old_definitions_serve_until_the_new_ones_have_loaded(store: Store) -> None:
    store.locations.deploy("prod", [location("weather", "1")])
    store.locations.set_loaded("prod", "weather", deploy_id="1", manifest="first")

    [again] = store.locations.deploy("prod", [location("weather", "2", queue="gpu")])

    assert again.state is LoadState.LOADING
    assert (again.manifest, again.manifest_deploy_id, again.queue) == ("first", "1", "gpu")
    store.locations.set_loaded("prod", "weather", deploy_id="2", manifest="second")
    loaded = store.locations.get("prod", "weather")
    assert (loaded.state, loaded.manifest) == (LoadState.LOADED, "second")


def test_a_late_result_of_an_older_deploy_changes_nothing(store: Store) -> None:
    store.locations.deploy("prod", [location("weather", "1")])
    store.locations.deploy("prod", [location("weather", "2")])

    assert not store.locations.set_loaded("prod", "weather", deploy_id="1", manifest="old")
    assert not store.locations.set_failed("prod", "weather", deploy_id="1", error="old")
    assert store.locations.get("prod", "weather").state is LoadState.LOADING


def test_a_failed_deploy_keeps_what_served_and_a_success_ends_the_failure(store: Store) -> None:
    store.locations.deploy("prod", [location("weather", "1")])
    store.locations.set_loaded("prod", "weather", deploy_id="1", manifest="good")
    store.locations.deploy("prod", [location("weather", "2")])

    assert store.locations.set_failed("prod", "weather", deploy_id=None, error="boom")

    failed = store.locations.get("prod", "weather")
    assert (failed.state, failed.error, failed.manifest) == (LoadState.FAILED, "boom", "good")
    assert store.locations.set_loaded("prod", "weather", deploy_id="2", manifest="better")
    assert store.locations.get("prod", "weather").error is None


def test_deploys_of_the_same_second_have_whole_seconds_between_them(store: Store) -> None:
    stamps = [
        store.locations.deploy("prod", [location("weather", str(number))])[0].timestamp
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

    store.locations.deploy("prod", [location("weather", "1")])
    assert changed()
    store.locations.set_loaded("prod", "weather", deploy_id="1", manifest="m")
    assert changed()
    store.locations.reload("prod", ["weather"])
    assert changed()
    store.locations.remove("prod", "weather")
    assert changed()


def test_reconciling_removes_what_is_not_named(store: Store) -> None:
    store.locations.deploy("prod", [location("weather", "1"), location("digits", "2")])

    store.locations.deploy("prod", [location("digits", "3")], remove_others=True)

    assert [each.name for each in store.locations.all("prod")] == ["digits"]


def test_an_unknown_location_is_refused_with_those_that_exist(store: Store) -> None:
    store.locations.deploy("prod", [location("weather", "1")])

    with pytest.raises(LocationNotFoundError, match="'wether'.*It has: weather"):
        store.locations.get("prod", "wether")
    with pytest.raises(LocationNotFoundError):
        store.locations.remove("prod", "wether")


def test_the_clock_moves_the_time_stamp_on(store: Store, clock: ManualClock) -> None:
    [first] = store.locations.deploy("prod", [location("weather", "1")])
    clock.advance(60.5)
    [second] = store.locations.deploy("prod", [location("weather", "2")])

    assert second.timestamp == first.timestamp + 61
