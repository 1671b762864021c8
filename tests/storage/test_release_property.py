"""Both databases keep of releases what the release machine says, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import cast

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from dagstead.errors import LocationNotFoundError
from dagstead.plane.release_machine.events import (
    CallRefusal,
    CallSuccess,
    Event,
    HealingTry,
    HealthEvent,
    LoadFailure,
    LoadSuccess,
    LocationReload,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.release_machine.state import Changes
from dagstead.plane.releases import Outcome
from dagstead.plane.rollbacks import History
from dagstead.store.all import Store
from tests.support.release_rules import ReleaseRules

pytestmark = pytest.mark.storage


class StoredReleases(ReleaseRules):
    """The same events in memory and in a deployment of a database."""

    def __init__(self, store: Store, deployment: str) -> None:
        super().__init__()
        self.store = store
        self.deployment = deployment
        self.store.deployments.create(deployment)
        self.world.now = store.clock()
        self.world.version = store.locations.version(deployment)

    def happened(self, event: Event, changes: Changes) -> None:
        outcome = Outcome(counted=changes.counted, queues=changes.queues)
        assert self._store(event) in {outcome, None}
        name = self.deployment
        assert self.store.locations.all(name) == [
            replace(each, deployment=name) for _, each in sorted(self.world.locations.items())
        ]
        assert self.store.releases.all(name) == [
            replace(each, deployment=name)
            for _, each in sorted(self.world.releases.items(), reverse=True)
        ]
        for release in changes.releases:
            if not release.state.is_open:
                stored = History((), self.store.releases.all(name))
                assert {
                    each: stored.deploy_of(each, source).deploy_id
                    for each, source in (release.live or {}).items()
                } == self.world.live_after(release)

    def _store(self, event: Event) -> Outcome | None:
        releases = self.store.releases
        name = self.deployment
        match event:
            case ReleaseStart() | RollbackStart():
                return self._begin(event)
            case LoadSuccess():
                return releases.set_loaded(
                    name, event.name, deploy_id=event.deploy_id, manifest=event.manifest
                )
            case LoadFailure():
                return releases.set_failed(
                    name, event.name, deploy_id=event.deploy_id, error=event.error
                )
            case ReleaseEnd():
                return releases.end(name, event.number, event.reason)
            case _:
                return self._act_on_locations(event)

    def _begin(self, event: ReleaseStart | RollbackStart) -> Outcome:
        releases = self.store.releases
        if isinstance(event, ReleaseStart):
            return Outcome(counted=True, queues=releases.begin(self.deployment, event.new)[1])
        begun = releases.roll_back(self.deployment, event)
        return Outcome(counted=begun is not None, queues=begun[1] if begun else frozenset())

    def _act_on_locations(
        self, event: LocationRemoval | LocationReload | HealthEvent
    ) -> Outcome | None:
        if isinstance(event, (HealingTry, CallRefusal, CallSuccess)):
            return self.store.locations.apply(self.deployment, event)
        if isinstance(event, LocationReload):
            self.store.locations.reload(self.deployment, sorted(event.names))
            return None
        try:
            return self.store.releases.remove(self.deployment, event.name)
        except LocationNotFoundError:
            # The transaction was rolled back.
            self.world.version -= 1
            return Outcome(counted=False)


def test_a_database_keeps_what_the_release_machine_says(store: Store) -> None:
    numbers: Iterator[int] = count()
    run_state_machine_as_test(
        # Any callable that makes one will do; the annotation knows classes only.
        cast("type[StoredReleases]", lambda: StoredReleases(store, f"prod{next(numbers)}")),
        settings=settings(max_examples=30, stateful_step_count=20),
    )
