"""Rollbacks among deploys at the same time, and after the upgrade from an older version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from sqlalchemy import null, update

from dagstead.control.actor import COMMAND_LINE
from dagstead.control.all import Control
from dagstead.control.releases import RollbackGoal
from dagstead.errors import ConflictError
from dagstead.plane.locations import NewLocation
from dagstead.plane.releases import Cause, NewRelease, Release, ReleaseState
from dagstead.store.all import Store
from dagstead.store.tables import releases
from tests.support.orchestration import control_without_dagster
from tests.support.release_promises import PROMISES
from tests.support.release_world import World
from tests.support.releases import new_location

pytestmark = pytest.mark.storage


class Team:
    """Deploys, loads and rolls back in one deployment."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.control: Control = control_without_dagster(store)
        store.deployments.create("prod")
        waits = {"releases": {"unserved_queue": "wait"}}
        self.prod = store.deployments.set_settings("prod", waits)
        self._numbers = count(1)

    def deploy(self, *names: str) -> Release:
        new = NewRelease(locations=[self._new(name) for name in names])
        return self.control.releases.begin(COMMAND_LINE, self.prod, new)

    def load(self, *names: str) -> None:
        for name in names:
            deploy_id = self.store.locations.get("prod", name).deploy_id
            self.store.releases.set_loaded(
                "prod", name, deploy_id=deploy_id, manifest=f"manifest {deploy_id}"
            )

    def roll_back(self, number: int | None = None) -> Release:
        goal = RollbackGoal(number=number)
        return self.control.releases.roll_back(COMMAND_LINE, self.prod, goal, self._redeploy)

    def serving(self) -> dict[str, int | None]:
        return {row.name: row.release for row in self.store.locations.all("prod")}

    def _new(self, name: str) -> NewLocation:
        return new_location(name, f"{name}{next(self._numbers)}")

    def _redeploy(self, document: Mapping[str, Any]) -> NewLocation:
        return self._new(document["location_name"])


def test_deploys_and_rollbacks_at_once_end_in_a_state_of_the_table(store: Store) -> None:
    team = Team(store)
    team.deploy("a", "b")
    team.load("a", "b")

    def deploy(name: str) -> None:
        for _ in range(6):
            team.deploy(name)
            team.load(name)

    def roll_back(deploys: Sequence[Future[None]]) -> None:
        while not all(each.done() for each in deploys):
            with suppress(ConflictError):
                team.roll_back()

    with ThreadPoolExecutor() as threads:
        deploys = [threads.submit(deploy, "a"), threads.submit(deploy, "b")]
        rollbacks = threads.submit(roll_back, deploys)
    for each in (*deploys, rollbacks):
        each.result()
    team.load("a", "b")
    team.roll_back()
    team.load("a", "b")

    ended = store.releases.all("prod")
    assert {each.state for each in ended} <= set(ReleaseState) - {ReleaseState.LOADING}
    assert any(each.cause is Cause.ROLLBACK or "rollback" in str(each.reason) for each in ended)
    world = World(
        locations={row.name: row for row in store.locations.all("prod")},
        releases={each.number: each for each in ended},
    )
    for promise in PROMISES:
        promise(world)
    assert world.serving().keys() == {"a", "b"}


def test_releases_of_an_older_version_are_undone_from_what_was_live_after_others(
    store: Store,
) -> None:
    team = Team(store)
    for names in (("a", "b"), ("a",), ("b",)):
        team.deploy(*names)
        team.load(*names)
    with store.database.write() as connection:
        connection.execute(update(releases).values(before=null()))

    back = team.roll_back(2)
    team.load("a")

    assert [part.name for part in back.parts] == ["a"]
    assert team.serving() == {"a": 4, "b": 3}
    assert store.releases.get("prod", 4).before == {"a": 2}
