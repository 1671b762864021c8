"""Whatever the order of deploys, results, ends and removals: what must always hold of releases."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dagstead.errors import LocationNotFoundError
from dagstead.plane.releases import NewRelease, PartState, Release
from dagstead.store.all import Store, open_store
from dagstead.testing.clock import ManualClock
from tests.support.releases import new_location

_NAMES = st.sampled_from(["a", "b", "c"])
_DEPLOYED = st.sets(_NAMES, min_size=1)
_REMOVED = st.just(set()) | st.sets(_NAMES, min_size=1)


class Releases(RuleBasedStateMachine):
    """A deployment, and everything that may happen to its releases."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.store: Store = open_store(
            database_url=f"sqlite:///{root / 'x.db'}", blobs_folder=root / "b", clock=ManualClock()
        )
        self.store.deployments.create("prod")
        self.deploys: dict[str, list[str]] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(names=_DEPLOYED | st.just(set()), removes=_REMOVED, atomic=st.booleans())
    def begin(self, names: set[str], removes: set[str], *, atomic: bool) -> None:
        new = []
        for name in sorted(names):
            deploy_id = f"{name}{len(self.deploys.setdefault(name, []))}"
            self.deploys[name].append(deploy_id)
            new.append(new_location(name, deploy_id))
        if new or removes:
            gone = sorted(removes - names)
            self.store.releases.begin(
                "prod", NewRelease(locations=new, removes=gone, atomic=atomic)
            )

    @rule(name=_NAMES, back=st.integers(0, 2))
    def load(self, name: str, back: int) -> None:
        for deploy_id in self.deploys.get(name, [])[-1 - back :][:1]:
            self.store.releases.set_loaded(
                "prod", name, deploy_id=deploy_id, manifest=f"manifest {deploy_id}"
            )

    @rule(name=_NAMES, told=st.booleans())
    def fail(self, name: str, *, told: bool) -> None:
        for deploy_id in self.deploys.get(name, [])[-1:]:
            self.store.releases.set_failed(
                "prod", name, deploy_id=deploy_id if told else None, error="{}"
            )

    @rule()
    def end(self) -> None:
        for release in self.store.releases.open()[:1]:
            self.store.releases.end("prod", release.number, "Ended.")

    @rule(name=_NAMES)
    def remove(self, name: str) -> None:
        try:
            self.store.releases.remove("prod", name)
        except LocationNotFoundError:
            return

    @rule(name=_NAMES)
    def reload(self, name: str) -> None:
        self.store.locations.reload("prod", [name])

    @invariant()
    def what_serves_is_what_went_live(self) -> None:
        for row in self.store.locations.all("prod"):
            if row.manifest is not None:
                assert row.manifest == f"manifest {row.manifest_deploy_id}"
                assert row.live_document is not None

    @invariant()
    def agents_run_what_is_live_or_what_loads(self) -> None:
        for row in self.store.locations.all("prod"):
            if row.open_release is None and row.manifest is not None:
                assert row.deploy_id == row.manifest_deploy_id

    @invariant()
    def a_location_is_in_one_open_release_at_most(self) -> None:
        opened: dict[str, Release] = {}
        for release in self.store.releases.open():
            states = [each.state for each in release.parts]
            assert PartState.LOADING in states
            for part in release.parts:
                if part.state in {PartState.LOADING, PartState.LOADED}:
                    assert part.name not in opened
                    opened[part.name] = release
        rows = {each.name: each.open_release for each in self.store.locations.all("prod")}
        assert {name: each.number for name, each in opened.items()} == {
            name: number for name, number in rows.items() if number is not None
        }

    @invariant()
    def an_atomic_release_is_live_as_a_whole_or_not_at_all(self) -> None:
        for release in self.store.releases.all("prod"):
            states = {each.state for each in release.parts} - {PartState.SUPERSEDED}
            if release.atomic and PartState.LIVE in states:
                assert states == {PartState.LIVE}

    @invariant()
    def what_is_not_open_has_ended(self) -> None:
        for release in self.store.releases.all("prod"):
            assert release.state.is_open is (release.ended_at is None)


TestReleases = Releases.TestCase
TestReleases.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
