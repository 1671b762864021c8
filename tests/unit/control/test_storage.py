"""What is stored, and what a sweep removes of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.errors import InvalidDocumentError
from dagstead.model.pex_names import PexName
from dagstead.model.retention import DAY_SECONDS, Retention
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.releases import NewRelease
from dagstead.plane.storage import StorageReport, StoredItem
from dagstead.store.all import Store
from dagstead.store.folders import files_in
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.stores import empty_store

RETENTION = Retention(days=10, releases=2, runs=1)
RUNS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(4)]


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A control plane with the deployment prod, and what it has stored."""

    folder: Path
    clock: ManualClock
    store: Store
    control: Control
    dagster: NoDagster

    @property
    def prod(self) -> Deployment:
        return self.store.deployments.get("prod")

    def upload(self, *names: str) -> None:
        for name in names:
            address = self.control.files.pex_address(SYSTEM, name, "PUT")
            self.control.signed_files.open(address, "PUT").put(self.write("sent", name))

    def deploy(self, deploy_id: str, *files: str) -> None:
        location = NewLocation(
            name="weather",
            document={"pex_metadata": {"pex_tag": f"files={':'.join(files)}"}},
            deploy_data="",
            deploy_id=deploy_id,
            queue=None,
        )
        self.control.releases.begin(SYSTEM, self.prod, NewRelease(locations=[location]))
        self.store.releases.set_loaded("prod", "weather", deploy_id=deploy_id, manifest="{}")

    def pex_files(self) -> set[str]:
        """What is stored, by the names that builders gave."""
        names = [PexName.of(file.name) for file in files_in(self.folder / "blobs" / "pex")]
        assert all(name.sha256 in {None, sha256(name.plain)} for name in names)
        return {name.plain for name in names}

    def days_pass(self, days: float) -> None:
        self.clock.advance(days * DAY_SECONDS)

    def sweep(self, stopped: Callable[[], bool] = lambda: False) -> StorageReport:
        return self.control.storage.sweep(SYSTEM, RETENTION, stopped)

    def write(self, path: str, text: str = "x") -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def plain(item: StoredItem) -> str:
    return PexName.of(item.last_name).plain


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    clock = ManualClock()
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    dagster = NoDagster()
    control = control_without_dagster(store, dagster)
    yield Plane(folder=tmp_path, clock=clock, store=store, control=control, dagster=dagster)
    store.close()


def test_pex_files_stay_while_a_release_needs_them(plane: Plane) -> None:
    plane.upload("deps.pex", "never.pex")
    for number in range(1, 6):
        plane.upload(f"{number}.pex")
        plane.deploy(str(number), f"{number}.pex", "deps.pex")
    plane.days_pass(11)
    plane.upload("fresh.pex")

    report = plane.sweep()

    # 3 comes back when 4 is undone.
    assert plane.pex_files() == {"deps.pex", "3.pex", "4.pex", "5.pex", "fresh.pex"}
    removed = {(str(each.kind), plain(each)) for each in report.removable}
    assert removed == {
        *(("PEX files", name) for name in ("never.pex", "1.pex", "2.pex")),
        *(("releases", number) for number in "123"),
    }
    assert [each.removable for each in report.kinds] == [0, 0]
    assert plane.sweep().removable == []


def test_what_was_needed_until_today_stays_for_a_while(plane: Plane) -> None:
    snapshots = plane.control.files.snapshots(SYSTEM, plane.prod)
    plane.upload("1.pex")
    plane.deploy("1", "1.pex")
    hashes = [snapshots.write("repository", text) for text in ("first", "second")]

    def serve(sha1: str) -> None:
        plane.store.releases.set_loaded("prod", "weather", deploy_id="1", manifest=f'"{sha1}"')

    def kept_after(days: float) -> list[str]:
        plane.days_pass(days)
        plane.sweep()
        return [file.name for file in files_in(plane.folder / "blobs" / "snapshot")]

    serve(hashes[0])
    assert kept_after(9) == sorted(hashes)
    serve(hashes[1])
    # Somebody may still look at the first ones, in a page that was opened before.
    assert kept_after(9) == sorted(hashes)
    assert kept_after(2) == hashes[1:]


def test_the_view_changes_nothing(plane: Plane) -> None:
    plane.upload("1.pex", "old.pex")
    plane.deploy("1", "1.pex")
    plane.days_pass(11)
    before = {file: file.stat().st_mtime for file in files_in(plane.folder / "blobs")}

    report = plane.control.storage.report(SYSTEM, RETENTION)

    assert [plain(each) for each in report.removable] == ["old.pex"]
    assert {file: file.stat().st_mtime for file in files_in(plane.folder / "blobs")} == before


def test_a_removed_file_can_be_sent_again(plane: Plane) -> None:
    plane.upload("1.pex")
    plane.days_pass(30)
    plane.sweep()
    assert plane.store.pex_files.named(["1.pex"]) == []

    with pytest.raises(InvalidDocumentError, match=r"'1\.pex' is not stored here"):
        plane.deploy("1", "1.pex")
    plane.upload("1.pex")
    plane.deploy("1", "1.pex")


def test_a_file_that_is_gone_is_missed(plane: Plane) -> None:
    plane.upload("1.pex")
    for file in files_in(plane.folder / "blobs" / "pex"):
        file.unlink()

    assert plane.control.files.stored_pex_files(SYSTEM, ["1.pex"]) == []
    with pytest.raises(InvalidDocumentError, match=r"'1\.pex' is not stored here"):
        plane.deploy("1", "1.pex")


def test_files_of_an_earlier_version_go_when_nothing_needs_them(plane: Plane) -> None:
    for name in ("1.pex", "old.pex"):
        plane.store.blobs.put(BlobKey(BlobKind.PEX, ORGANIZATION, name), name.encode())
    plane.deploy("1", "1.pex")
    plane.days_pass(11)

    plane.sweep()

    assert plane.pex_files() == {"1.pex"}
    plane.deploy("2", "1.pex")


def test_a_build_that_need_not_upload_a_file_can_deploy_it(plane: Plane) -> None:
    plane.upload("1.pex")
    plane.days_pass(30)

    assert plane.control.files.stored_pex_files(SYSTEM, ["1.pex", "2.pex"]) == ["1.pex"]
    plane.sweep()

    plane.deploy("1", "1.pex")


def test_a_file_stays_that_is_deployed_while_a_sweep_is_about_to_remove_it(plane: Plane) -> None:
    plane.upload("1.pex", "2.pex")
    plane.days_pass(30)

    def deployed_meanwhile() -> bool:
        if not plane.store.locations.all("prod"):
            plane.deploy("1", "1.pex")
        return False

    plane.sweep(deployed_meanwhile)

    assert plane.pex_files() == {"1.pex"}


def test_a_build_that_finds_a_cache_finds_the_file_that_it_names(plane: Plane) -> None:
    plane.upload("deps-1.pex", "deps-2.pex")
    for number in (1, 2):
        content = json.dumps({"deps_pex_name": f"deps-{number}.pex", "dagster_version": "1"})
        key = BlobKey(BlobKind.PEX, ORGANIZATION, f"requirements-{number}.txt")
        plane.store.blobs.put(key, content.encode())
    plane.days_pass(30)

    def asked_meanwhile() -> bool:
        plane.control.files.pex_address(SYSTEM, "requirements-1.txt", "GET")
        return False

    plane.sweep(asked_meanwhile)
    assert plane.pex_files() == {"requirements-1.txt", "deps-1.pex"}

    plane.sweep()
    assert plane.pex_files() == {"requirements-1.txt", "deps-1.pex"}


def test_definitions_stay_with_all_that_they_refer_to(plane: Plane) -> None:
    snapshots = plane.control.files.snapshots(SYSTEM, plane.prod)
    job = snapshots.write("job", "a job")
    snapshots.write("job", "another job")
    repository = snapshots.write("repository", json.dumps({"jobs": [{"snapshot_id": job}]}))
    offer = snapshots.offer("broken-off")
    plane.store.blobs.put(BlobKey(BlobKind.SNAPSHOT, "prod", "uploads/broken-off"), b"half")
    plane.write("uploads/spooled-by-a-server-that-was-killed")
    plane.upload("1.pex")
    plane.deploy("1", "1.pex")
    plane.store.releases.set_loaded(
        "prod", "weather", deploy_id="1", manifest=json.dumps({"sha1": repository})
    )
    assert offer.key.endswith("broken-off")
    plane.days_pass(11)

    plane.sweep()

    kept = {file.name for file in files_in(plane.folder / "blobs" / "snapshot")}
    assert kept == {job, repository}
    # Its time is that of this machine, not of the test's clock.
    assert list(files_in(plane.folder / "uploads")) == []


def test_outputs_of_old_runs_go_and_values_of_assets_stay(plane: Plane) -> None:
    for run in RUNS:
        plane.write(f"pool/deployments/prod/storage/{run}/step/result")
        plane.write(f"deployments/prod/logs/{run}/compute_logs/step.out")
    asset = plane.write("pool/deployments/prod/storage/table")
    of_asset = plane.write("pool/deployments/prod/storage/daily/2020-01-01")
    plane.dagster.unfinished_runs["prod"] = [RUNS[0]]

    report = plane.control.storage.report(SYSTEM, RETENTION)
    kept = {str(each.kind): each.kept for each in report.kinds}
    assert kept == {
        "step outputs": {"among the newest": 1, "needed now": 1},
        "captured logs": {"among the newest": 1, "needed now": 1},
        "runs, events and ticks": {"until somebody deletes runs": 1},
    }
    plane.sweep()

    for left in ("pool/deployments/prod/storage", "deployments/prod/logs"):
        runs = {each.name for each in (plane.folder / left).iterdir()} - {"table", "daily"}
        assert len(runs) == 2
        assert RUNS[0] in runs
    assert asset.exists()
    assert of_asset.exists()


def test_logs_of_ticks_go_by_their_age(plane: Plane) -> None:
    logs = "deployments/prod/logs/__repository__/hourly"
    old = plane.write(f"{logs}/1.err")
    plane.days_pass(11)
    new = plane.write(f"{logs}/2.err")
    os.utime(new, (plane.clock(), plane.clock()))

    report = plane.sweep()

    [removed] = report.removable
    assert (str(removed.kind), removed.name) == ("tick logs", "__repository__/hourly/1.err")
    assert not old.exists()
    assert new.exists()
    [kept] = [each for each in report.kinds if str(each.kind) == "tick logs"]
    assert kept.kept == {"recent": 1}


def test_what_a_sweep_was_removing_when_it_was_killed_is_judged_again(plane: Plane) -> None:
    plane.upload("1.pex")
    plane.deploy("1", "1.pex")
    shelf = plane.folder / "blobs" / "pex" / "_"
    [file] = shelf.iterdir()
    file.rename(shelf / f".removing-{file.name}")

    plane.sweep()

    assert plane.pex_files() == {"1.pex"}


def test_a_sweep_ends_when_it_is_stopped(plane: Plane) -> None:
    plane.upload("1.pex", "2.pex")
    plane.days_pass(30)

    assert plane.sweep(lambda: True).removable == []
    assert plane.pex_files() == {"1.pex", "2.pex"}


def test_a_deployment_leaves_nothing(plane: Plane) -> None:
    plane.store.deployments.create("staging")
    for name in ("prod", "staging"):
        deployment = plane.store.deployments.get(name)
        plane.control.files.snapshots(SYSTEM, deployment).write("job", "{}")
        plane.store.blobs.put(BlobKey(BlobKind.ARTIFACT, name, "dbt/manifest"), b"{}")

    plane.control.deployments.delete(SYSTEM, plane.store.deployments.get("staging"))

    assert list(plane.folder.rglob("staging")) == []
    assert len(list(plane.folder.rglob("prod"))) == 2
