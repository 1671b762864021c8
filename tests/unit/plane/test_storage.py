"""What may be removed: never what something needs, in whatever order things happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import pytest

from dagstead.errors import ConflictError
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.locations import NewLocation, pex_files_of
from dagstead.plane.needs import InUse, Uses, judge
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.release_machine.events import (
    LoadFailure,
    LoadSuccess,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
)
from dagstead.plane.release_retention import Rows, made_whole
from dagstead.plane.releases import Cause, NewRelease
from dagstead.plane.rollbacks import History, Rollback
from dagstead.plane.storage import StoredItem, StoredKind, Why, report_on
from tests.support.release_world import World

NAMES = ("a", "b", "c")
WALKS = 600
STEPS = 40
RETENTION = Retention(days=3, releases=2, runs=2)
OLD = 0.0
NOW = 1000 * DAY_SECONDS


def pex(name: str, needed_at: float = OLD) -> StoredItem:
    return stored(StoredKind.PEX, f"pex/_/{name}", needed_at, ORGANIZATION)


def stored(
    kind: StoredKind, name: str, needed_at: float = OLD, deployment: str = "prod"
) -> StoredItem:
    return StoredItem(kind=kind, deployment=deployment, name=name, size=10, needed_at=needed_at)


def named(location: str, deploy_id: str, *files: str) -> NewLocation:
    return NewLocation(
        name=location,
        document={
            "location_name": location,
            "pex_metadata": {"pex_tag": f"files={':'.join(files)}"},
        },
        deploy_data=f"data {deploy_id}",
        deploy_id=deploy_id,
        queue=None,
    )


def why(item: StoredItem, *others: StoredItem, uses: Uses | None = None) -> Why | None:
    judgements = judge([item, *others], uses or Uses(rows={"prod": Rows()}), RETENTION, NOW)
    return judgements[0].why


@dataclass
class Plane:
    """A deployment, its PEX files, and everything that may happen to them."""

    random: Random
    world: World = field(default_factory=World)
    #: When each was last needed.
    files: dict[str, float] = field(default_factory=dict)
    deploys: int = 0

    def upload(self, *names: str) -> None:
        self.files |= dict.fromkeys(names, self.world.now)

    def begin(self, new: NewRelease) -> None:
        needed = {file for location in new.locations for file in location.pex_files}
        assert needed <= self.files.keys(), "A deploy is refused: its file is gone"
        self.upload(*needed)
        self.world.happen(ReleaseStart(new=new))

    def deploy(self) -> None:
        self.deploys += 1
        locations = []
        for name in NAMES:
            if self.random.random() < 0.5:
                files = (f"source-{self.deploys}.pex", f"deps-{self.random.randrange(3)}.pex")
                self.upload(*files)
                locations.append(named(name, f"{name}{self.deploys}", *files))
        removes = [name for name in NAMES if self.random.random() < 0.1]
        removes = [name for name in removes if name not in {each.name for each in locations}]
        if locations or removes:
            atomic = self.random.random() < 0.7
            self.begin(NewRelease(locations=locations, removes=removes, atomic=atomic))

    def load(self, *, well: bool) -> None:
        waiting = [part for each in self.world.open() for part in each.parts if part.is_open]
        if waiting:
            part = self.random.choice(waiting)
            self.world.happen(
                LoadSuccess(name=part.name, deploy_id=part.deploy_id, manifest="{}")
                if well
                else LoadFailure(name=part.name, deploy_id=part.deploy_id, error="{}")
            )

    def end(self) -> None:
        for release in self.world.open()[:1]:
            self.world.happen(ReleaseEnd(number=release.number, reason="By hand."))

    def remove(self) -> None:
        names = sorted(self.world.locations)
        if names:
            self.world.happen(LocationRemoval(name=self.random.choice(names)))

    def roll_back(self) -> None:
        """Undo one release, or go back with the whole deployment."""
        if not self.world.releases:
            return
        history, number = self.history(), self.random.choice(sorted(self.world.releases))
        try:
            plan = history.undo(number) if self.random.random() < 0.7 else history.back_to(number)
        except ConflictError:
            return
        self.deploys += 1
        locations = [
            named(
                name, f"{name}{self.deploys}", *pex_files_of(history.deploy_of(name, at).document)
            )
            for name, at in plan.returns.items()
        ]
        new = NewRelease(
            locations=locations,
            removes=plan.removes,
            cause=Cause.ROLLBACK,
            undoes=plan.undoes,
            back_to=plan.back_to,
        )
        if locations or plan.removes:
            self.begin(new)

    def history(self) -> History:
        return History(self.world.locations.values(), self.world.releases.values())

    def rollbacks(self) -> dict[tuple[int, str], object]:
        """What every rollback would change, by the files of what comes back."""
        history = self.history()

        def plan(find: Callable[[int], Rollback], number: int) -> object:
            try:
                found = find(number)
            except ConflictError:
                return "refused"
            returns = {
                name: pex_files_of(history.deploy_of(name, source).document)
                for name, source in found.returns.items()
            }
            return returns, found.removes, found.stays, found.ends

        return {
            (number, name): plan(find, number)
            for number in self.world.releases
            for name, find in (("undo", history.undo), ("back to", history.back_to))
        }

    def wait(self) -> None:
        self.world.now += self.random.choice([0.1, 0.9, 2, 5]) * DAY_SECONDS

    def sweep(self) -> None:
        rows = Rows(
            locations=list(self.world.locations.values()),
            releases=list(self.world.releases.values()),
        )
        everything = [pex(name, at) for name, at in self.files.items()] + [
            stored(StoredKind.RELEASE, str(each.number), each.ended_at or each.created_at)
            for each in rows.releases
        ]
        judgements = judge(everything, Uses(rows={"prod": rows}), RETENTION, self.world.now)
        doomed = [each.stored for each in judgements if each.why is None]
        for item in doomed:
            assert self.world.now - item.needed_at >= DAY_SECONDS
        before = self.rollbacks()
        numbers = {int(each.name) for each in doomed if each.kind is StoredKind.RELEASE}
        for release in made_whole(rows.releases, numbers):
            self.world.releases[release.number] = release
        for number in numbers:
            del self.world.releases[number]
        for item in doomed:
            if item.kind is StoredKind.PEX:
                del self.files[item.last_name]
        kept = self.rollbacks()
        assert kept == {key: plan for key, plan in before.items() if key[0] not in numbers}

    def check(self) -> None:
        history = self.history()
        needed = set()
        for location in self.world.locations.values():
            needed |= {*pex_files_of(location.document)}
            needed |= {*pex_files_of(location.live_document or {})}
        for release in self.world.releases.values():
            needed |= {file for part in release.parts for file in pex_files_of(part.document)}
            for name, source in {**(release.before or {}), **(release.live or {})}.items():
                if source is not None:
                    needed |= {*pex_files_of(history.deploy_of(name, source).document)}
        assert needed <= self.files.keys(), needed - self.files.keys()


ACTS: dict[Callable[[Plane], None], int] = {
    Plane.deploy: 2,
    partial(Plane.load, well=True): 3,
    partial(Plane.load, well=False): 1,
    Plane.end: 1,
    Plane.remove: 1,
    Plane.roll_back: 1,
    Plane.sweep: 2,
    Plane.wait: 2,
}


def walk(seed: int) -> int:
    """The number of files that sweeps have removed."""
    plane = Plane(Random(seed))  # a failure comes again with its seed
    uploaded: set[str] = set()
    for act in plane.random.choices(list(ACTS), list(ACTS.values()), k=STEPS):
        act(plane)
        uploaded |= plane.files.keys()
        plane.check()
    return len(uploaded - plane.files.keys())


def test_nothing_is_removed_that_something_needs_whatever_happens_in_whatever_order() -> None:
    removed = 0
    for seed in range(WALKS):
        try:
            removed += walk(seed)
        except Exception as error:
            error.add_note(f"This is walk({seed}).")
            raise
    # And it does remove what is old.
    assert removed > WALKS


@pytest.mark.parametrize("kind", sorted(set(StoredKind) - {StoredKind.RELEASE, StoredKind.HISTORY}))
def test_nothing_is_removed_before_it_is_a_day_old(kind: StoredKind) -> None:
    impatient = replace(RETENTION, days=0, runs=0)
    uses = Uses(rows={})

    for age, kept in ((DAY_SECONDS - 1, Why.RECENT), (DAY_SECONDS, None)):
        [judgement] = judge([stored(kind, "x/y/z", NOW - age)], uses, impatient, NOW)
        assert judgement.why is kept


def test_the_newest_releases_stay_and_so_do_the_newest_that_went_live() -> None:
    world = World()
    for number in range(1, 8):
        deploy_id = f"a{number}"
        world.happen(
            ReleaseStart(new=NewRelease(locations=[named("a", deploy_id, f"{number}.pex")]))
        )
        world.happen(
            LoadSuccess(name="a", deploy_id=deploy_id, manifest="{}")
            if number <= 3
            else LoadFailure(name="a", deploy_id=deploy_id, error="{}")
        )
    rows = Rows(locations=list(world.locations.values()), releases=list(world.releases.values()))
    releases = [stored(StoredKind.RELEASE, str(number)) for number in world.releases]
    files = [pex(f"{number}.pex") for number in world.releases]

    judged = judge([*releases, *files], Uses(rows={"prod": rows}), RETENTION, NOW)
    reasons = [each.why for each in judged]

    # 3 is live, 2 was live before, 6 and 7 are the newest; 1 comes back when 2 is undone.
    newest, earlier = Why.NEWEST, Why.EARLIER
    assert reasons[:7] == [None, newest, Why.NEEDED, None, None, newest, newest]
    assert reasons[7:] == [earlier, earlier, Why.NEEDED, None, None, earlier, earlier]


def test_a_pex_file_that_a_cache_of_builds_names_stays_as_long_as_the_cache() -> None:
    file = pex("deps-1.pex")
    uses = Uses(rows={}, caches={"pex/_/requirements-1.txt": frozenset({"deps-1.pex"})})

    assert why(file, pex("requirements-1.txt", NOW - DAY_SECONDS), uses=uses) is Why.CACHED
    assert why(file, pex("requirements-1.txt"), uses=uses) is None
    assert why(pex("requirements-1.txt"), file, uses=uses) is None


def test_definitions_stay_that_those_refer_to_which_serve() -> None:
    repository, job, other = "1" * 40, "2" * 40, "3" * 40
    world = World()
    world.happen(ReleaseStart(new=NewRelease(locations=[named("a", "a1", "a.pex")])))
    manifest = f'{{"stored_snapshot": {{"sha1": "{repository}"}}}}'
    world.happen(LoadSuccess(name="a", deploy_id="a1", manifest=manifest))
    uses = Uses(
        rows={"prod": Rows(locations=list(world.locations.values())), "staging": Rows()},
        references={("prod", repository): frozenset({job})},
    )

    def snapshot(kind: str, sha1: str, deployment: str = "prod") -> StoredItem:
        path = f"snapshot/{deployment}/{kind}/{sha1}"
        return stored(StoredKind.SNAPSHOT, path, deployment=deployment)

    assert why(snapshot("repository", repository), uses=uses) is Why.NEEDED
    assert why(snapshot("job", job), uses=uses) is Why.NEEDED
    assert why(snapshot("job", other), uses=uses) is None
    assert why(snapshot("job", job, "staging"), uses=uses) is None


def test_definitions_that_wait_for_those_of_other_locations_stay() -> None:
    sha1 = "1" * 40
    world = World()
    both = [named("a", "a1", "a.pex"), named("b", "b1", "b.pex")]
    world.happen(ReleaseStart(new=NewRelease(locations=both)))
    world.happen(LoadSuccess(name="a", deploy_id="a1", manifest=f'"{sha1}"'))
    rows = Rows(locations=list(world.locations.values()), releases=world.open())

    item = stored(StoredKind.SNAPSHOT, f"snapshot/prod/repository/{sha1}")
    assert why(item, uses=Uses(rows={"prod": rows})) is Why.NEEDED


def test_an_artifact_without_versions_stays_until_its_deployment_goes() -> None:
    manifest = stored(StoredKind.ARTIFACT, "artifact/prod/dbt/manifest.json")

    assert why(manifest) is Why.NAMED
    assert why(manifest, uses=Uses(rows={"staging": Rows()})) is None
    of_all = stored(StoredKind.ARTIFACT, "artifact/_/x", deployment=ORGANIZATION)
    assert why(of_all, uses=Uses(rows={})) is Why.NAMED


def test_versions_of_state_go_that_nothing_names() -> None:
    def version(name: str, needed_at: float = OLD) -> StoredItem:
        return stored(StoredKind.ARTIFACT, f"artifact/prod/__state__/dbt/{name}", needed_at)

    world = World()
    location = replace(named("a", "a1", "a.pex"), deploy_data='{"version": "v-deployed"}')
    world.happen(ReleaseStart(new=NewRelease(locations=[location])))
    uses = Uses(
        rows={"prod": Rows(locations=list(world.locations.values()))},
        in_use={"prod": InUse(state_versions=frozenset({"v-latest"}))},
    )
    newest = version("v-newest", OLD + 1)

    assert why(newest, version("v-old"), uses=uses) is Why.NEWEST
    assert why(version("v-deployed"), newest, uses=uses) is Why.NEEDED
    assert why(version("v-latest"), newest, uses=uses) is Why.NEEDED
    assert why(version("v-old"), newest, uses=uses) is None


@pytest.mark.parametrize("kind", [StoredKind.OUTPUT, StoredKind.LOG])
def test_the_files_of_the_newest_runs_stay_and_those_of_runs_that_have_not_ended(
    kind: StoredKind,
) -> None:
    runs = [stored(kind, name, at) for at, name in enumerate(["long", "1", "2", "3"])]
    uses = Uses(rows={"prod": Rows()}, in_use={"prod": InUse(runs=frozenset({"long"}))})

    reasons = [each.why for each in judge(runs, uses, RETENTION, NOW)]
    assert reasons == [Why.NEEDED, None, Why.NEWEST, Why.NEWEST]
    # Nothing of a deployment that is gone is counted.
    assert [each.why for each in judge(runs, Uses(rows={}), RETENTION, NOW)] == [None] * 4


def test_the_report_counts_by_kind_and_reason() -> None:
    world = [
        stored(StoredKind.OUTPUT, "1", OLD),
        stored(StoredKind.OUTPUT, "2", OLD + 1),
        stored(StoredKind.OUTPUT, "3", OLD + 2),
        pex("old.pex", OLD + 5),
        pex("new.pex", NOW),
    ]
    report = report_on(judge(world, Uses(rows={"prod": Rows()}), RETENTION, NOW))

    files, outputs = report.kinds
    assert (files.kind, files.count, files.size) == (StoredKind.PEX, 2, 20)
    assert (files.oldest, files.kept) == (OLD + 5, {"recent": 1})
    assert (files.removable, files.removable_size) == (1, 10)
    assert (outputs.kept, outputs.removable) == ({"among the newest": 2}, 1)
    assert [each.name for each in report.removable] == ["pex/_/old.pex", "1"]
