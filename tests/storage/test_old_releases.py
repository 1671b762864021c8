"""Old releases are removed, and those that are kept stay whole."""

from __future__ import annotations

import pytest

from dagstead.errors import ReleaseNotFoundError
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.releases import NewRelease
from dagstead.plane.rollbacks import History
from dagstead.store.all import Store
from dagstead.store.release_pruning import carry_out, plan_removal, read_rows
from dagstead.testing.clock import ManualClock
from tests.support.releases import new_location

pytestmark = pytest.mark.storage

RETENTION = Retention(days=10, releases=2)


@pytest.fixture(autouse=True)
def _prod(store: Store) -> None:
    store.deployments.create("prod")
    store.deployments.create("staging")


def go_live(store: Store, name: str, deploy_id: str, deployment: str = "prod") -> int:
    new = NewRelease(locations=[new_location(name, deploy_id)])
    begun, _ = store.releases.begin(deployment, new)
    assert store.releases.set_loaded(deployment, name, deploy_id=deploy_id, manifest="{}").counted
    return begun.number


def numbers(store: Store, deployment: str = "prod") -> list[int]:
    return sorted(each.number for each in store.releases.all(deployment))


def then(store: Store, number: int) -> dict[str, str]:
    rows = store.releases.rows("prod")
    history = History(rows.locations, rows.releases)
    live = store.releases.get("prod", number).live or {}
    return {name: history.deploy_of(name, source).deploy_id for name, source in live.items()}


def test_a_kept_release_can_still_be_returned_to(store: Store, clock: ManualClock) -> None:
    go_live(store, "weather", "w1")
    go_live(store, "digits", "d1")
    go_live(store, "digits", "d2")
    go_live(store, "weather", "w2")
    go_live(store, "weather", "w3")
    go_live(store, "weather", "w1", "staging")
    before = {number: then(store, number) for number in numbers(store)}
    assert before[3] == {"weather": "w1", "digits": "d2"}
    clock.advance(11 * DAY_SECONDS)

    # 3 brought digits as it is now, and after it weather was as 1 had brought it.
    assert store.releases.prune("prod", RETENTION) == {1, 2}

    assert numbers(store) == [3, 4, 5]
    assert numbers(store, "staging") == [1]
    assert {number: then(store, number) for number in numbers(store)} == {
        number: live for number, live in before.items() if number > 2
    }
    assert store.releases.prune("prod", RETENTION) == frozenset()
    with pytest.raises(ReleaseNotFoundError):
        store.releases.get("prod", 1)


def test_what_is_young_or_open_stays_and_numbers_are_never_used_again(
    store: Store, clock: ManualClock
) -> None:
    for count in range(1, 6):
        go_live(store, "weather", f"w{count}")
    clock.advance(9 * DAY_SECONDS)
    assert store.releases.prune("prod", RETENTION) == frozenset()
    opened, _ = store.releases.begin("prod", NewRelease(locations=[new_location("digits", "d1")]))
    clock.advance(9 * DAY_SECONDS)

    assert store.releases.prune("prod", RETENTION) == {1, 2, 3}
    assert numbers(store) == [4, 5, opened.number]
    assert go_live(store, "weather", "w9") == opened.number + 1


def test_pruning_wakes_nobody_when_there_is_nothing_to_remove(store: Store) -> None:
    go_live(store, "weather", "w1")
    version = store.locations.version("prod")

    store.releases.prune("prod", RETENTION)

    assert store.locations.version("prod") == version


def test_what_changed_while_old_releases_were_looked_for_counts(store: Store) -> None:
    for number in range(1, 4):
        go_live(store, "weather", f"w{number}")
    keep_one = Retention(days=1, releases=1)
    later = store.clock() + 2 * DAY_SECONDS
    plan = plan_removal("prod", read_rows(store.database, "prod"), keep_one, later)
    assert plan.removed == {1, 2}
    go_live(store, "digits", "d1")

    with store.database.write() as connection:
        assert not carry_out(connection, plan)

    assert numbers(store) == [1, 2, 3, 4]
