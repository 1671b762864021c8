"""What this tool has written touches no location, whether git keeps it or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagstead.build.cache import BuildCache
from dagstead.build.commits import commit_of
from dagstead.repository.files import read_project
from tests.unit.repository.changes.git_repositories import Repository, cloud

WHOLE = {"dagster_cloud.yaml": cloud(quay="."), "main.py": "", "requirements.txt": "dagster\n"}
HASH = "0123456789" * 4
MANIFEST = json.dumps({"version": 1, "commit": None, "locations": []})
LEFT = {
    ".dagstead/.gitignore": "",
    ".dagstead/build/build.json": MANIFEST,
    ".dagstead/build/dagster_cloud.yaml": cloud(phantom="."),
    f"out/deps-{HASH}.pex": "zip",
    f"out/source-{HASH}.pex": "zip",
    "out/build.json": MANIFEST,
    "out/.build.json.0a1b.dagstead": "{",
    "dagstead-data/dagstead.db": "data",
}


@pytest.mark.parametrize("committed", [False, True])
def test_what_builds_left_touches_nothing(tmp_path: Path, *, committed: bool) -> None:
    repository = Repository.made(tmp_path, WHOLE)
    repository.write(LEFT)
    untracked = repository.changes()
    since = repository.git("rev-parse", "HEAD")
    repository.commit()
    added = repository.changes(since, committed=committed)
    since = repository.git("rev-parse", "HEAD")
    repository.write(dict.fromkeys(LEFT))
    gone = repository.changes(since)

    for each in (untracked, added, gone):
        assert (each.touched, each.gone, each.elsewhere) == ((), (), ())


def test_a_cache_touches_nothing(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, WHOLE)
    cache = BuildCache(tmp_path / "cache")
    (cache.pex / "anything").write_text("", encoding="utf-8")
    untracked = repository.touched()
    since = repository.git("rev-parse", "HEAD")
    repository.git("add", "--force", "cache")
    repository.commit()
    (cache.pex / "anything").write_text("changed", encoding="utf-8")

    assert untracked == repository.touched(since) == repository.touched() == set()


def test_files_of_people_touch_their_location_still(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, WHOLE)
    repository.write({"out/build.json": '{"steps": []}'})

    assert repository.touched() == {"quay"}


def test_no_location_is_read_from_what_builds_left(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**WHOLE, **LEFT})
    cache = BuildCache(tmp_path / "cache")
    with cache.scratch() as scratch:
        (scratch / "dagster_cloud.yaml").write_text(cloud(phantom="."), encoding="utf-8")
        found = [each.name.value for each in read_project(repository.root).locations]

    assert found == ["quay"]
    assert repository.changes(committed=True).gone == ()


def test_what_builds_left_makes_no_commit_another_one(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**WHOLE, **LEFT})
    repository.write({".dagstead/build/build.json": "{}"})
    clean = commit_of(tmp_path)
    repository.write({"main.py": "changed = True\n"})
    dirty = commit_of(tmp_path)

    assert clean is not None
    assert dirty is not None
    assert (clean.is_dirty, dirty.is_dirty) == (False, True)
