"""A repository with both kinds of locations, through every layout: its commands agree."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run_here
from tests.support.demonstration import HYBRID, LOCATIONS, SERVERLESS, write_demonstration
from tests.support.demonstration_agents import QUEUE
from tests.support.git import commit_all, git

PARTS = tuple(f"pipelines/{name}/dagster_cloud.yaml" for name in LOCATIONS)
WORKFLOWS = ".github/workflows"
ABOUT_LOCATIONS = tuple(f"--select=DS{group}" for group in range(1, 5))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return write_demonstration(tmp_path / "harbour")


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here(*arguments, cwd=repository)


def migrate(repository: Path, *arguments: str) -> None:
    done = run(repository, "migrate", *arguments, "--write")
    assert done.returncode == 0, done.stderr
    commit_all(repository)


def join_by_cat(repository: Path) -> None:
    """What people do first: one file after the other, and the old ones away."""
    joined = "".join((repository / each).read_text(encoding="utf-8") for each in PARTS)
    (repository / "dagster_cloud.yaml").write_text(joined, encoding="utf-8")
    for each in PARTS:
        (repository / each).unlink()
    commit_all(repository)


def planned(repository: Path) -> dict[str, dict[str, Any]]:
    said = run(repository, "plan", "--format", "json")
    assert said.returncode == 0, said.stderr
    return {each["location"]: each for each in json.loads(said.stdout)}


def assert_same_locations(repository: Path) -> None:
    """`plan`, `routes` and `check` see both locations, each as what it is."""
    rows = planned(repository)
    assert {name: (each["strategy"], each["folder"]) for name, each in rows.items()} == {
        SERVERLESS: ("pex", f"pipelines/{SERVERLESS}"),
        HYBRID: ("docker", f"pipelines/{HYBRID}"),
    }
    routes = run(repository, "routes").stdout.splitlines()[1:]
    assert {tuple(each.split("\t")[:3]) for each in routes} == {
        (SERVERLESS, "serverless", "(default queue)"),
        (HYBRID, "hybrid", QUEUE),
    }
    # Those about workflows come later: they still read the files that have gone.
    checked = run(repository, "check", *ABOUT_LOCATIONS)
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout


def touched(repository: Path, since: str) -> list[str]:
    said = run(repository, "changes", "--since", since, "--format", "json")
    assert said.returncode == 0, said.stderr
    found: list[str] = json.loads(said.stdout)["touched"]
    return found


def test_as_it_is_nothing_is_wrong(repository: Path) -> None:
    assert_same_locations(repository)


def test_files_that_cat_has_joined_are_repaired(repository: Path) -> None:
    begun = git(repository, "rev-parse", "HEAD")
    join_by_cat(repository)
    checked = run(repository, "check", "--select", "DS2")
    assert checked.returncode == 1
    assert f"'{SERVERLESS}' is lost" in checked.stdout

    migrate(repository, "--repair")

    assert_same_locations(repository)
    assert touched(repository, begun) == []


def join_and_repair(repository: Path) -> None:
    join_by_cat(repository)
    migrate(repository, "--repair")


def move_to_root(repository: Path) -> None:
    migrate(repository, "--to", "root")


@pytest.mark.parametrize("join", [join_and_repair, move_to_root])
def test_all_layouts_and_back_leave_every_byte(
    repository: Path, join: Callable[[Path], None]
) -> None:
    begun = git(repository, "rev-parse", "HEAD")
    before = planned(repository)
    old = list((repository / WORKFLOWS).iterdir())

    join(repository)
    assert_same_locations(repository)
    assert touched(repository, begun) == []

    # The old workflows read files that have gone, and `check` says so.
    stopped = run(repository, "check", "--select", "DW112")
    assert stopped.stdout.count("DW112") == len(old)
    migrate(repository, "--to", "root-workflows", "--replace")
    assert not any(each.exists() for each in old)
    assert_same_locations(repository)
    whole = run(repository, "check", "--strict")
    assert whole.returncode == 0, whole.stdout

    migrate(repository, "--to", "per-location")
    assert_same_locations(repository)
    shutil.rmtree(repository / WORKFLOWS)
    git(repository, "checkout", begun, "--", WORKFLOWS)
    commit_all(repository)
    assert git(repository, "diff", begun) == ""
    after = planned(repository)
    assert {name: each["cache_key"] for name, each in after.items()} == {
        name: each["cache_key"] for name, each in before.items()
    }
