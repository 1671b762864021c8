"""Everything that may happen to a deployment's releases, and what must always hold of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from dagstead.errors import ConflictError, ReleaseNotFoundError
from dagstead.plane.locations import Location
from dagstead.plane.release_machine.events import (
    CallRefusal,
    CallSuccess,
    Event,
    HealingTry,
    LoadFailure,
    LoadSuccess,
    LocationReload,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.release_machine.state import Changes
from dagstead.plane.releases import (
    OPEN_PARTS,
    Cause,
    NewRelease,
    PartState,
    Release,
    ReleaseState,
)
from dagstead.plane.rollbacks import Rollback
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
        #: The deploy that every deploy of a rollback is a copy of.
        self.copies: dict[str, str] = {}
        #: The version that a location served before a release changed it, by release and location.
        self.replaced: dict[tuple[int, str], str | None] = {}
        #: The plans of rollbacks, by the release that carries it out.
        self.plans: dict[int, Rollback] = {}

    def happened(self, event: Event, changes: Changes) -> None:
        """Called with every event, after the world has changed."""

    @rule(queues=_DEPLOYED, removes=_REMOVED, atomic=st.booleans())
    def begin(
        self, queues: dict[str, str | None], removes: frozenset[str], *, atomic: bool
    ) -> None:
        new = [
            new_location(name, self._deploy(name), queue) for name, queue in sorted(queues.items())
        ]
        if new or removes:
            self.happen(
                ReleaseStart(new=NewRelease(locations=new, removes=sorted(removes), atomic=atomic))
            )

    @rule(number=st.none() | st.integers(1, 12), whole=st.booleans(), late=st.booleans())
    def roll_back(self, number: int | None, *, whole: bool, late: bool) -> None:
        """Undo a release, or go back to one; a late one was planned before another event."""
        try:
            plan = self._plan(number, whole=whole)
        except (ConflictError, ReleaseNotFoundError):
            return
        history = self.world.history()
        if late:
            self.load("a", 0)
        if not plan.changes:
            for ended in plan.ends:
                self.happen(ReleaseEnd(number=ended, reason="Rolled back."))
            return
        locations = []
        for name, source in sorted(plan.returns.items()):
            deploy = history.deploy_of(name, source)
            self.copies[deploy_id := self._deploy(name)] = deploy.deploy_id
            locations.append(new_location(name, deploy_id, deploy.queue))
        new = NewRelease(
            locations=locations,
            removes=plan.removes,
            cause=Cause.ROLLBACK,
            undoes=plan.undoes,
            back_to=plan.back_to,
        )
        begun = len(self.world.releases) + 1
        self.plans[begun] = plan
        self.happen(
            RollbackStart(new=new, ends=frozenset(plan.ends), live=history.deploys_under(plan))
        )
        if begun not in self.world.releases:
            assert late
            del self.plans[begun]

    def _plan(self, number: int | None, *, whole: bool) -> Rollback:
        history = self.world.history()
        if whole:
            return history.back_to(number)
        if number is not None:
            return history.undo(number)
        return next(map(history.undo, history.newest_first()), Rollback())

    def _deploy(self, name: str) -> str:
        deploy_id = f"{name}{len(self.deploys.setdefault(name, []))}"
        self.deploys[name].append(deploy_id)
        return deploy_id

    @rule(name=_NAMES, back=st.integers(0, 2))
    def load(self, name: str, back: int) -> None:
        for deploy_id in self.deploys.get(name, [])[-1 - back :][:1]:
            self.happen(
                LoadSuccess(name=name, deploy_id=deploy_id, manifest=f"manifest {deploy_id}")
            )

    @rule()
    def load_all(self) -> None:
        for name in NAMES:
            self.load(name, 0)

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

    @rule(name=_NAMES)
    def heal(self, name: str) -> None:
        for location in self._locations(name):
            self.happen(HealingTry(name=name, version=location.version, reason="It is gone."))

    @rule(name=_NAMES)
    def refuse(self, name: str) -> None:
        for location in self._locations(name):
            self.happen(CallRefusal(name=name, version=location.version, reason="It is gone."))

    @rule(name=_NAMES)
    def answer(self, name: str) -> None:
        self.happen(CallSuccess(name=name))

    def _locations(self, name: str) -> list[Location]:
        return [each for each in self.world.locations.values() if each.name == name]

    def happen(self, event: Event) -> None:
        """Let an event change the world, and look at the change."""
        locations, releases = dict(self.world.locations), dict(self.world.releases)
        served = self.world.serving()
        changes = self.world.happen(event)
        for release in changes.releases:
            self._what_it_replaced_is_recorded(releases.get(release.number), release, served)
            self._a_rollback_brings_back_what_was_there(release)
        if isinstance(event, RollbackStart):
            self._others_stay(event, releases)
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

    def _what_it_replaced_is_recorded(
        self, old: Release | None, new: Release, served: dict[str, str]
    ) -> None:
        known = {} if old is None else {each.name: each.state for each in old.parts}
        live = PartState.LIVE
        brought = {each.name for each in new.parts if each.state is live != known.get(each.name)}
        removed = set() if new.live is None else (set(new.removes) & served.keys()) - set(new.live)
        for name in brought | removed:
            assert new.before is not None
            source = new.before[name]
            deploy_id = None if source is None else self.world.deploy_id(name, source)
            assert deploy_id == served.get(name)
            self.replaced[new.number, name] = self._version(deploy_id)

    def _version(self, deploy_id: str | None) -> str | None:
        while deploy_id in self.copies:
            deploy_id = self.copies[deploy_id]
        return deploy_id

    def _a_rollback_brings_back_what_was_there(self, release: Release) -> None:
        plan = self.plans.get(release.number)
        whole = {each.state for each in release.parts} <= {PartState.LIVE}
        if plan is None or release.state is not ReleaseState.LIVE or not whole:
            return
        goal = (
            {} if plan.back_to is None else self.world.live_after(self.world.releases[plan.back_to])
        )
        serving = self.world.serving()
        for name in plan.changes:
            row = self.world.locations.get(name)
            if row is not None and (row.open_release or row.release or 0) > release.number:
                continue  # deployed since
            then = goal.get(name) if plan.undoes is None else self.replaced[plan.undoes, name]
            assert self._version(serving.get(name)) == self._version(then)

    def _others_stay(self, event: RollbackStart, before: dict[int, Release]) -> None:
        """A rollback ends the releases that it names, and touches no other one."""
        for number, release in before.items():
            now = self.world.releases[number]
            if number not in event.ends:
                assert now == release
            elif now != release:
                assert not now.state.is_open
                assert {each.state for each in now.parts}.isdisjoint(OPEN_PARTS)

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
