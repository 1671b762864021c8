"""``dagstead deploy`` against a whole control plane: one command, live together, and back again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.git import commit_all, git
from tests.support.pex import borrowing_wheel
from tests.support.pool_plane import PROGRAM, Plane, running_plane
from tests.support.processes import ChildProcess

pytestmark = pytest.mark.compat

PROJECT = """
[project]
name = "{name}"
version = "0"
requires-python = ">=3.11"
dependencies = [{wheels}]
"""
CODE = """
import os, time
from pathlib import Path
import dagster as dg

@dg.op
def wait_and_tell(context):
    gate = Path(os.environ["GATES"]) / f"gate-{{context.run_id}}"
    while not gate.exists():
        time.sleep(0.1)
    yield dg.AssetMaterialization("told", metadata={{"version": "{version}"}})
    yield dg.Output(None)

@dg.job(executor_def=dg.in_process_executor)
def slow():
    wait_and_tell()

@dg.asset
def {name}_numbers(context):
    context.add_output_metadata({{"version": "{version}"}})

defs = dg.Definitions(
    assets=[{name}_numbers],
    jobs=[dg.define_asset_job("{job}"), slow],
    executor=dg.in_process_executor,
)
"""
CONFIGURATION = """\
locations:
  - location_name: one
    code_source: {module_name: one}
    build: {directory: one}
  - location_name: two
    code_source: {module_name: two}
    build: {directory: two}
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A repository, and a control plane to deploy it to."""

    plane: Plane
    folder: Path
    cache: Path
    #: What both locations depend on: they borrow the Dagster of the tests.
    wheels: tuple[str, ...]

    def write(self, name: str, version: str, *, broken: bool = False) -> None:
        """Write a location's code; a broken one raises at import."""
        code = CODE.format(name=name, version=version, job=f"{name}_{version}")
        if broken:
            code = f"raise RuntimeError('{name} is broken on purpose')\n"
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        (folder / "pyproject.toml").write_text(
            PROJECT.format(name=name, wheels=", ".join(self.wheels)), encoding="utf-8"
        )

    def command(self, *arguments: str) -> list[str]:
        return [str(PROGRAM), *arguments]

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DAGST")}
        return {
            **kept,
            "DAGSTER_CLOUD_URL": self.plane.url,
            "DAGSTER_CLOUD_API_TOKEN": self.plane.token,
            "DAGSTER_CLOUD_DEPLOYMENT": "prod",
            "XDG_CACHE_HOME": str(self.cache),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def releases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(
            self.run("release", "list", "--format", "json").stdout
        )
        return found

    def served(self, location: str) -> set[str]:
        """The jobs that serve."""
        query = """
        query ($s: RepositorySelector!) {
          repositoryOrError(repositorySelector: $s) { ... on Repository { jobs { name } } }
        }
        """
        selector = {"repositoryName": "__repository__", "repositoryLocationName": location}
        found = self.plane.ask(query, s=selector)["repositoryOrError"]
        return {each["name"] for each in found.get("jobs", [])} - {"__ASSET_JOB", "slow"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("deploy")
    repository = folder / "repository"
    repository.mkdir()
    with running_plane(folder) as plane:
        site = Site(
            plane=plane,
            folder=repository,
            cache=folder / "cache",
            wheels=tuple(
                f'"{name} @ {borrowing_wheel(folder, name).as_uri()}"'
                for name in ("dagster", "dagster-cloud")
            ),
        )
        (repository / "dagster_cloud.yaml").write_text(CONFIGURATION, encoding="utf-8")
        (repository / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        for name in ("one", "two"):
            site.write(name, "v1")
        commit_all(site.folder)
        yield site


@pytest.fixture(scope="module")
def deployed(site: Site) -> Site:
    """The first release, of both locations."""
    first = site.run("deploy", "--format", "json")
    assert first.returncode == 0, first.stderr
    assert [(each["location"], each["state"]) for each in json.loads(first.stdout)] == [
        ("one", "live"),
        ("two", "live"),
    ]
    assert "is live (" in first.stderr
    return site


def test_one_command_builds_and_releases_all_and_their_runs_succeed(deployed: Site) -> None:
    for name in ("one", "two"):
        run_id = deployed.plane.launch(name, f"{name}_v1")
        deployed.plane.until(run_id, "SUCCESS")


def test_what_was_built_is_left_out_of_git(deployed: Site) -> None:
    assert (deployed.folder / ".dagstead" / "build").is_dir()
    assert git(deployed.folder, "status", "--porcelain", "--untracked-files=all") == ""


def test_nothing_is_deployed_when_nothing_differs_from_what_is_live(deployed: Site) -> None:
    before = deployed.releases()
    result = deployed.run("deploy", "--changed")
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert "Nothing has changed" in result.stderr
    assert deployed.releases() == before


def test_a_broken_location_fails_the_release_and_both_old_ones_serve(deployed: Site) -> None:
    deployed.write("one", "v2")
    deployed.write("two", "v2", broken=True)
    try:
        early = deployed.run("deploy")
        assert early.returncode == 1
        assert "two is broken on purpose" in early.stderr
        assert len(deployed.releases()) == 1

        late = deployed.run("deploy", "--no-load")
        assert late.returncode == 1
        assert "RuntimeError: two is broken on purpose" in late.stderr
        assert "Release 2 of prod failed: 'two' did not load." in late.stderr
        assert deployed.served("one") == {"one_v1"}
        assert deployed.served("two") == {"two_v1"}
        deployed.plane.until(deployed.plane.launch("one", "one_v1"), "SUCCESS")
    finally:
        for name in ("one", "two"):
            deployed.write(name, "v1")


def test_what_changed_is_deployed_and_rolled_back(deployed: Site) -> None:
    under_way = deployed.plane.launch("one", "slow")
    deployed.plane.until(under_way, "STARTED")
    deployed.write("one", "v3")
    commit_all(deployed.folder)

    # Both: the last release of either did not go live.
    changed = deployed.run("deploy", "--changed")

    assert changed.returncode == 0, changed.stderr
    assert deployed.served("one") == {"one_v3"}
    # A run that was under way finishes on the release that it started on.
    deployed.plane.open_gate(under_way)
    assert deployed.plane.facts(under_way) == {"version": "v1"}
    number = str(deployed.releases()[0]["release"])
    back = deployed.run("release", "rollback", number)
    assert back.returncode == 0, back.stderr
    assert f"undoes release {number}." in back.stderr
    assert deployed.served("one") == {"one_v1"}
    difference = deployed.run("release", "diff", "1", number)
    assert "pex_tag" in difference.stdout
    shown = deployed.run("release", "show", number)
    assert "state: live" in shown.stdout


def test_a_queue_that_nobody_serves_is_refused_before_anything_is_built(deployed: Site) -> None:
    configuration = deployed.folder / "dagster_cloud.yaml"
    written = configuration.read_text(encoding="utf-8")
    image = "registry.example.com/one:1"
    try:
        entry = "code_source: {module_name: one}"
        hybrid = written.replace(
            entry, f"{entry}\n    image: {image}\n    agent_queue: hybrd-queue"
        )
        configuration.write_text(hybrid.replace("    build: {directory: one}\n", ""))
        result = deployed.run("deploy", "--location", "one")
    finally:
        configuration.write_text(written, encoding="utf-8")
    assert result.returncode == 1
    assert "No running agent serves queue 'hybrd-queue'" in result.stderr
    assert "built" not in result.stderr


def test_two_deploys_a_rollback_and_a_kill_end_in_what_was_live(deployed: Site) -> None:
    before = {name: deployed.served(name) for name in ("one", "two")}
    path = deployed.folder / "one" / "one.py"
    written = path.read_text(encoding="utf-8")
    detached = ("deploy", "--no-load", "--detach", "--location")
    try:
        path.write_text("import time\ntime.sleep(30)\n" + written, encoding="utf-8")
        slow = deployed.run(*detached, "one")
        other = deployed.run(*detached, "two")
        assert (slow.returncode, other.returncode) == (0, 0), slow.stderr + other.stderr
        ended = deployed.run("release", "rollback", slow.stdout.strip(), "--detach")
        for web in psutil.Process(deployed.plane.up.pid).children():
            if " web" in " ".join(web.cmdline()):
                web.kill()
    finally:
        path.write_text(written, encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    assert f"Release {slow.stdout.strip()} was loading and is ended." in ended.stderr

    def states() -> dict[str, str] | None:
        listed = deployed.run("release", "list", "--format", "json")
        found = {
            str(each["release"]): each["state"]
            for each in (json.loads(listed.stdout) if listed.returncode == 0 else ())
        }
        return found if found and "loading" not in found.values() else None

    found = eventually(states, 120, "all releases to end")
    assert found is not None
    assert (found[slow.stdout.strip()], found[other.stdout.strip()]) == ("failed", "live")
    assert {name: deployed.served(name) for name in before} == before


@pytest.mark.thorough
def test_a_deployment_is_deleted_with_the_run_that_is_under_way(deployed: Site) -> None:
    assert deployed.run("deployment", "create", "temp").returncode == 0
    result = deployed.run("deploy", "--deployment", "temp", "--location", "one")
    assert result.returncode == 0, result.stderr
    temp = replace(deployed.plane, deployment="temp")
    under_way = temp.launch("one", "slow")
    worker = temp.worker(under_way)

    asked = deployed.run("deployment", "delete", "temp")
    assert asked.returncode == 1
    assert "1 run of 'temp' is under way, and will be ended." in asked.stderr
    deleted = deployed.run("deployment", "delete", "temp", "--yes")

    assert deleted.returncode == 0, deleted.stderr
    assert deleted.stdout == "Ended 1 run.\nDeleted deployment 'temp'.\n"
    eventually(lambda: not worker.is_running(), 30, "the run's worker to be gone")
    # The pool removes the temporary files of a run, in which its folders were mounted, after it.
    eventually(
        lambda: not _left_of(deployed, "temp"),
        120,
        "all that it had to be removed",
        retry_on=(FileNotFoundError,),
    )


def _left_of(site: Site, deployment: str) -> list[Path]:
    found = site.plane.data.rglob(f"{deployment}*")
    return [path for path in found if "scratch" not in path.parts]


def test_ctrl_c_goes_back(deployed: Site, tmp_path: Path) -> None:
    before = deployed.releases()
    slow = "import time\ntime.sleep(120)\n"
    path = deployed.folder / "one" / "one.py"
    written = path.read_text(encoding="utf-8")
    try:
        path.write_text(slow + written, encoding="utf-8")
        log = tmp_path / "deploy.log"
        with ChildProcess(
            deployed.command("deploy", "--location", "one", "--no-load"),
            log=log,
            env=deployed.environment(),
            cwd=deployed.folder,
        ) as child:
            child.wait_for_log("one: an agent starts its code server", 120)
            child.signal(signal.SIGINT)
            assert child.wait(60) != 0
    finally:
        path.write_text(written, encoding="utf-8")
    assert "Traceback" not in log.read_text()
    newest = deployed.releases()[0]
    assert newest["release"] == before[0]["release"] + 1
    assert newest["state"] == "failed"
    assert deployed.served("one") == {"one_v1"}
