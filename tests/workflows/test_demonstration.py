"""A small repository with both kinds of locations, as it is: by one command, by its workflows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.plane.deployments import branch_deployment_name
from tests.support.build_site import Shelf
from tests.support.commands import run_here
from tests.support.demonstration import (
    HYBRID,
    JOB,
    LOCATIONS,
    SERVERLESS,
    demonstration_files,
    write_demonstration,
)
from tests.support.demonstration_agents import QUEUE
from tests.support.environments import client_environment, own_environment
from tests.support.git import commit_all
from tests.support.official_workflows import official_pipeline, official_workflows
from tests.support.workflow_runner.events import REPOSITORY, Event
from tests.support.workflow_runner.hub import Hub, Run
from tests.support.workflow_runner.machine import Machine, prepared_machine
from tests.support.workflow_runner.repository import Clone
from tests.support.workflow_site import WorkflowSite, running_workflow_site

pytestmark = pytest.mark.compat

FERRIES = ".github/workflows/ferries.yml"
PIPELINE = ".gitlab-ci.yml"


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """The repository in a person's folder, and a control plane with an agent for its queue."""

    site: WorkflowSite
    folder: Path
    machine: Machine
    variables: Mapping[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of a shell in the repository."""
        ended = self.machine.run(
            command, variables=self.variables, folder=self.folder, timeout_seconds=300
        )
        return subprocess.CompletedProcess(command, ended.exit_code, stdout=ended.log)

    def deploy(self, *arguments: str) -> str:
        """``dagstead deploy``, which has to succeed; what it says."""
        done = self.run(" ".join(["dagstead", "deploy", *arguments]))
        assert done.returncode == 0, done.stdout
        return done.stdout


def ran_in(site: WorkflowSite, location: str) -> str:
    """What a run of a location prints about where it is."""
    with site.client() as client:
        run_id = client.launch(location, JOB)
        client.succeed(run_id)
        (line,) = (
            each
            for each in client.captured(run_id)["stdout"].splitlines()
            if each.startswith(f"{location} ran in ")
        )
    return line


def assert_each_runs_on_its_side(site: WorkflowSite, code: Path) -> None:
    """The serverless one from a PEX file of the pool, the hybrid one from what its image holds."""
    assert str(site.plane.data / "pool") in ran_in(site, SERVERLESS)
    assert str(code / HYBRID) in ran_in(site, HYBRID)


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image of the hybrid location holds: its code as it was first committed."""
    made = write_demonstration(tmp_path_factory.mktemp("image") / "harbour")
    return made / "pipelines" / HYBRID / "src"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, code: Path) -> Iterator[WorkflowSite]:
    folder = tmp_path_factory.mktemp("site")
    with running_workflow_site(folder, queue=QUEUE, code=code) as running:
        yield running


@pytest.fixture(scope="module")
def demonstration(site: WorkflowSite, tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """Deployed, unchanged, by one command."""
    folder = tmp_path_factory.mktemp("person")
    (folder / "shelf").mkdir()
    shelf = Shelf(folder=folder / "shelf")
    shelf.add_dagster()
    made = Demonstration(
        site=site,
        folder=write_demonstration(folder / "harbour"),
        machine=prepared_machine(folder / "machine", own_environment(), {}),
        variables={
            "DAGSTER_CLOUD_URL": site.plane.url,
            "DAGSTER_CLOUD_API_TOKEN": site.plane.token,
            "DAGSTER_CLOUD_DEPLOYMENT": "prod",
            "UV_CONFIG_FILE": str(shelf.configuration),
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
    )
    login = "docker login --username ada --password-stdin registry.example.com <<< secret"
    assert made.run(f"docker buildx create --use && {login}").returncode == 0
    made.deploy()
    return made


def test_one_command_deploys_it_unchanged(demonstration: Demonstration, code: Path) -> None:
    assert demonstration.site.statuses() == dict.fromkeys(LOCATIONS, "LOADED")
    assert demonstration.run("git status --porcelain").stdout == ""
    assert_each_runs_on_its_side(demonstration.site, code)


def test_another_layout_is_no_reason_to_deploy(demonstration: Demonstration) -> None:
    joined = "cat pipelines/*/dagster_cloud.yaml > dagster_cloud.yaml"
    for step in (
        f"{joined} && rm pipelines/*/dagster_cloud.yaml && dagstead migrate --repair --write",
        "dagstead migrate --to per-location --write",
        "dagstead migrate --to root --write",
        "dagstead migrate --to per-location --write",
    ):
        done = demonstration.run(step)
        assert done.returncode == 0, done.stdout
        commit_all(demonstration.folder)
        assert "Nothing has changed" in demonstration.deploy("--changed"), step


def hub_of(site: WorkflowSite, folder: Path) -> tuple[Hub, Clone]:
    """The repository on GitHub, where nothing was pushed yet."""
    clone = Clone.create(folder / "clone", folder / "origin.git")
    return site.hub_of(folder, clone, client_environment()), clone


def play(hub: Hub, event: Event) -> dict[str, Run]:
    """The runs that an event starts, by the names of their files."""
    return {run.workflow: run for run in hub.play(event)}


def codes(clone: Clone, *groups: str) -> list[str]:
    """The rules that `dagstead check` finds broken."""
    selected = [f"--select={each}" for each in groups]
    said = run_here("check", "--format", "json", *selected, cwd=clone.folder)
    return [each["code"] for each in json.loads(said.stdout)["findings"]]


@pytest.mark.thorough
def test_its_own_workflows_deploy_it_when_the_build_begins_at_the_root(
    site: WorkflowSite, code: Path, tmp_path: Path
) -> None:
    hub, clone = hub_of(site, tmp_path)
    runs = play(hub, clone.push(demonstration_files()))
    assert runs["orchards.yml"].conclusion == "success", runs["orchards.yml"].log
    # Its command line looks for the folder of the project below the folder of the project.
    assert runs["ferries.yml"].conclusion == "failure"
    assert "build directory that does not exist" in runs["ferries.yml"].log

    # It was named before, and is put right by hand or by `--fix`.
    assert codes(clone, "DW") == ["DW155"]
    run_here("check", "--fix", cwd=clone.folder)
    assert codes(clone, "DW") == []
    assert clone.git("status", "--porcelain") == f" M {FERRIES}\n"
    mended = clone.push({})
    (run,) = hub.play(mended)

    assert run.conclusion == "success", run.log
    assert site.commits()[SERVERLESS] == mended.sha
    assert site.statuses() == dict.fromkeys(LOCATIONS, "LOADED")
    assert_each_runs_on_its_side(site, code)


@pytest.mark.thorough
def test_the_official_workflows_deploy_it_with_what_the_guide_says(
    site: WorkflowSite, code: Path, tmp_path: Path
) -> None:
    hub, clone = hub_of(site, tmp_path)
    files = demonstration_files()
    clone.commit({**files, **official_workflows(with_guide=False)})
    assert sorted(codes(clone, "DW16")) == ["DW160", "DW160", "DW162", "DW162"]

    official = official_workflows(with_guide=True)
    pushed = clone.push(official)
    assert codes(clone, "DW16") == []
    assert_deployed(site, play(hub, pushed), pushed.sha)
    assert_each_runs_on_its_side(site, code)

    changes = {f"pipelines/{name}/notes.txt": "Later.\n" for name in LOCATIONS}
    request, opened = clone.open(31, changes)
    branch = branch_deployment_name(REPOSITORY, request.branch)
    assert_deployed(site, play(hub, opened), opened.head, branch)

    closed, _ = clone.merge(request)
    for run in hub.play(closed):
        assert run.conclusion == "success", run.log
    assert site.store.deployments.get(branch).closed


def test_the_official_pipeline_deploys_an_image_with_what_the_guide_says(
    site: WorkflowSite, tmp_path: Path
) -> None:
    clone = Clone.create(tmp_path / "clone", tmp_path / "origin.git")
    clone.commit({**demonstration_files(), PIPELINE: official_pipeline(with_guide=False)})
    assert sorted(codes(clone, "DW16")) == ["DW160", "DW162"]

    pushed = clone.push({PIPELINE: official_pipeline(with_guide=True)})
    assert codes(clone, "DW16") == []
    lab = site.lab_of(tmp_path, clone, client_environment())
    for job in lab.play(pushed):
        assert job.succeeded, job.log
    assert site.commits()[HYBRID] == pushed.sha
    assert site.statuses()[HYBRID] == "LOADED"

    request, opened = clone.open(32, {f"pipelines/{HYBRID}/notes.txt": "Later.\n"})
    for job in lab.play(opened):
        assert job.succeeded, job.log
    branch = branch_deployment_name(REPOSITORY.rpartition("/")[2], request.branch)
    assert site.commits(branch) == {HYBRID: opened.head}
    (stopped,) = lab.stop(opened)
    assert stopped.succeeded, stopped.log
    assert site.store.deployments.get(branch).closed


def assert_deployed(
    site: WorkflowSite, runs: Mapping[str, Run], sha: str, deployment: str = "prod"
) -> None:
    assert set(runs) == {f"{name}.yml" for name in LOCATIONS}
    for run in runs.values():
        assert run.conclusion == "success", run.log
    assert site.commits(deployment) == dict.fromkeys(LOCATIONS, sha)
    assert site.statuses(deployment) == dict.fromkeys(LOCATIONS, "LOADED")
