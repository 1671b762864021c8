"""Everything that may happen to a deployment's releases, and what must always hold of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from dagstead.plane.locations import Location
from dagstead.plane.release_machine.events import (
    Event,
    LoadFailure,
    LoadSuccess,
    LocationReload,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
)
from dagstead.plane.release_machine.state import Changes
from dagstead.plane.releases import NewRelease, Release, ReleaseState
from tests.support.release_promises import PROMISES
from tests.support.release_world import World
from tests.support.releases import new_location

NAMES = ("a", "b", "c")
QUEUES = (None, "eu")

_NAMES = st.sampled_from(NAMES)
_QUEUES = st.sampled_from(QUEUES)
_DEPLOYED = st.dictionaries(_NAMES, _QUEUES)
_REMOVED = st.just(frozenset[str]()) | st.frozensets(_NAMES, min_size=1)


class ReleaseRules(RuleBasedStateMachine):
    """A deployment in memory, on which the release machine's rules are tried.

    A subclass may do the same elsewhere, and compare.
    """

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.deploys: dict[str, list[str]] = {}

    def happened(self, event: Event, changes: Changes) -> None:
        """Called with every event, after the world has changed."""

    @rule(queues=_DEPLOYED, removes=_REMOVED, atomic=st.booleans())
    def begin(
        self, queues: dict[str, str | None], removes: frozenset[str], *, atomic: bool
    ) -> None:
        new = []
        for name, queue in sorted(queues.items()):
            deploy_id = f"{name}{len(self.deploys.setdefault(name, []))}"
            self.deploys[name].append(deploy_id)
            new.append(new_location(name, deploy_id, queue))
        if new or removes:
            self.happen(
                ReleaseStart(new=NewRelease(locations=new, removes=sorted(removes), atomic=atomic))
            )

    @rule(name=_NAMES, back=st.integers(0, 2))
    def load(self, name: str, back: int) -> None:
        for deploy_id in self.deploys.get(name, [])[-1 - back :][:1]:
            self.happen(
                LoadSuccess(name=name, deploy_id=deploy_id, manifest=f"manifest {deploy_id}")
            )

    @rule(name=_NAMES, named=st.booleans())
    def fail(self, name: str, *, named: bool) -> None:
        for deploy_id in self.deploys.get(name, [])[-1:]:
            self.happen(LoadFailure(name=name, deploy_id=deploy_id if named else None, error="{}"))

    @rule()
    def end(self) -> None:
        for release in self.world.open()[:1]:
            self.happen(ReleaseEnd(number=release.number, reason="Ended."))

    @rule(name=_NAMES)
    def remove(self, name: str) -> None:
        self.happen(LocationRemoval(name=name))

    @rule(names=st.frozensets(_NAMES))
    def reload(self, names: frozenset[str]) -> None:
        self.happen(LocationReload(names=names))

    def happen(self, event: Event) -> None:
        """Let an event change the world, and look at the change."""
        locations, releases = dict(self.world.locations), dict(self.world.releases)
        changes = self.world.happen(event)
        if not isinstance(event, LocationReload):
            self._agents_are_woken(locations, changes)
        for release in changes.releases:
            self._what_ended_stays(releases.get(release.number), release)
        for release in changes.releases:
            # A release that supersedes another may bring locations live in the same step.
            if not release.state.is_open and release.state is not ReleaseState.SUPERSEDED:
                assert self.world.live_after(release) == self.world.serving()
        for promise in PROMISES:
            promise(self.world)
        self.happened(event, changes)

    def _agents_are_woken(self, before: dict[str, Location], changes: Changes) -> None:
        """Those that lose a location, and those that have another deploy to load."""
        after = self.world.locations
        for name in before.keys() | after.keys():
            old, new = before.get(name), after.get(name)
            if old is None or new is None or old.timestamp != new.timestamp:
                assert {each.queue for each in (old, new) if each is not None} <= changes.queues

    def _what_ended_stays(self, old: Release | None, new: Release) -> None:
        if old is not None:
            assert old.state.is_open
            closed = [each for each in old.parts if not each.is_open]
            assert [each for each in closed if each not in new.parts] == []
