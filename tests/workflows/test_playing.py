"""Generated CI files, played against a control plane with an agent for images.

Locations are changed as cheaply as they can be: `digits` has an image, which nobody builds here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.plane.deployments import branch_deployment_name
from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from tests.support.workflow_runner.events import REPOSITORY, Event
from tests.support.workflow_runner.hub import Hub
from tests.support.workflow_runner.repository import Clone, PullRequest
from tests.support.workflow_site import (
    PYTHON,
    QUEUE,
    WorkflowSite,
    running_workflow_site,
)

pytestmark = pytest.mark.compat

CHANGE_OF_DIGITS = {"digits/src/digits/notes.py": "COUNT = 1797\n"}
CHANGE_OF_NEITHER = {"README.md": "Nothing is built from this.\n"}

CLOSE = "Close the branch deployment"

ANOTHER = f"""
  - location_name: more-digits
    code_source: {{module_name: digits.definitions}}
    build: {{directory: ./digits, registry: registry.example.com/more-digits}}
    agent_queue: {QUEUE}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkflowSite]:
    with running_workflow_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def assert_loaded(site: WorkflowSite, commits: dict[str, str], deployment: str = "prod") -> None:
    """Exactly these locations are there, from these commits, and have loaded."""
    assert site.commits(deployment) == commits
    assert site.statuses(deployment) == dict.fromkeys(commits, "LOADED")


def succeed(hub: Hub, *events: Event) -> None:
    """Play events whose every run has to succeed."""
    for event in events:
        runs = hub.play(event)
        assert runs
        for run in runs:
            assert run.conclusion == "success", run.log


def branch_of(request: PullRequest) -> str:
    return branch_deployment_name(REPOSITORY, request.branch)


def push_all_then_one_then_neither(site: WorkflowSite, hub: Hub, clone: Clone) -> Event:
    """Of three pushes each deploys just what it changes; the first of them."""
    first = clone.push({})
    succeed(hub, first)
    assert_loaded(site, {"weather": first.sha, "digits": first.sha})

    second = clone.push(CHANGE_OF_DIGITS)
    (run,) = hub.play(second)
    assert run.conclusion == "success", run.log
    assert run.job("Deploy").did("Build PEX files") == "skipped"
    assert_loaded(site, {"weather": first.sha, "digits": second.sha})

    succeed(hub, clone.push(CHANGE_OF_NEITHER))
    assert hub.runs[-1].job("Deploy").did("Begin the session") == "skipped"
    return first


def test_one_workflow_deploys_everything(site: WorkflowSite, tmp_path: Path) -> None:
    hub, clone = site.hub(tmp_path, Options(pattern=Pattern.EVERYTHING, python=PYTHON))

    pushed = clone.push({})
    (run,) = hub.play(pushed)

    assert run.conclusion == "success", run.log
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})
    assert run.job("close").result == "skipped"
    assert "Requirement already satisfied: pex==" in run.log
    assert "weather" in run.job("Deploy").steps[-1].summary
    (image,) = hub.images()
    assert image["tag"] == f"registry.example.com/digits:digits-{pushed.sha}-1-1"
    assert image["writes_cache"]

    request, opened = clone.open(1, CHANGE_OF_DIGITS)
    (run,) = hub.play(opened)

    assert run.conclusion == "success", run.log
    assert "Found published deps.pex" in run.log
    assert_loaded(site, {"weather": opened.head, "digits": opened.head}, branch_of(request))
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})
    assert not hub.images()[-1]["writes_cache"]

    # The end of a merged pull request names the main branch, and must not be taken for a push.
    closed, _ = clone.merge(request)
    (run,) = hub.play(closed)

    assert run.job("deploy").result == "skipped"
    assert run.job(CLOSE).result == "success", run.log
    assert site.store.deployments.get(branch_of(request)).closed
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})

    # Nor is a branch that a person starts it on.
    clone.git("checkout", "--quiet", "-b", "other")
    clone.push(CHANGE_OF_NEITHER, "other")
    (run,) = hub.play(clone.dispatch("other"))
    assert {job.result for job in run.jobs} == {"skipped"}


def test_each_location_has_a_workflow_that_its_files_start(
    site: WorkflowSite, tmp_path: Path
) -> None:
    hub, clone = site.hub(tmp_path, Options(pattern=Pattern.PER_LOCATION, python=PYTHON))

    pushed = clone.push({})
    succeed(hub, pushed)
    assert len(hub.runs) == 2
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})

    assert hub.play(clone.push(CHANGE_OF_NEITHER)) == []
    request, opened = clone.open(2, CHANGE_OF_DIGITS)
    succeed(hub, opened)
    assert_loaded(site, {"digits": opened.head}, branch_of(request))

    closed, merged = clone.merge(request)
    succeed(hub, closed, merged)
    assert site.store.deployments.get(branch_of(request)).closed
    assert_loaded(site, {"weather": pushed.sha, "digits": merged.sha})
    assert len(hub.runs) == 5


@pytest.mark.thorough
def test_what_changed_is_deployed_and_nothing_is_ever_left_out(
    site: WorkflowSite, tmp_path: Path
) -> None:
    hub, clone = site.hub(tmp_path, Options(pattern=Pattern.CHANGED, python=PYTHON))

    first = push_all_then_one_then_neither(site, hub, clone)

    # The registry refuses, and the next run is cancelled while it waits: the one after them, about
    # something else, makes up for both.
    working = hub.secrets
    hub.secrets = {**working, "REGISTRY_PASSWORD": ""}
    (run,) = hub.play(clone.push({"digits/src/digits/notes.py": "# Better.\n"}))
    assert run.conclusion == "failure"
    hub.secrets = working
    (run,) = hub.cancel(clone.push({"digits/src/digits/notes.py": "# Best.\n"}))
    assert run.conclusion == "cancelled"
    sixth = clone.push({"README.md": "Still nothing.\n"})
    succeed(hub, sixth)
    assert_loaded(site, {"weather": first.sha, "digits": sixth.sha})

    request, opened = clone.open(3, {"digits/src/digits/notes.py": "# In a branch.\n"})
    succeed(hub, opened)
    assert_loaded(site, {"digits": opened.head}, branch_of(request))
    closed, _ = clone.merge(request)
    succeed(hub, closed)
    assert site.store.deployments.get(branch_of(request)).closed


@pytest.mark.thorough
def test_a_routed_workflow_heeds_a_configuration_that_is_newer_than_itself(
    site: WorkflowSite, tmp_path: Path
) -> None:
    hub, clone = site.hub(tmp_path, Options(pattern=Pattern.ROUTED, python=PYTHON))
    configuration = (clone.folder / "dagster_cloud.yaml").read_text(encoding="utf-8")

    pushed = clone.push({"dagster_cloud.yaml": configuration.rstrip() + ANOTHER})
    (run,) = hub.play(pushed)

    try:
        assert run.conclusion == "success", run.log
        assert_loaded(site, dict.fromkeys(("weather", "digits", "more-digits"), pushed.sha))
        assert [image["tag"].partition(":")[0] for image in hub.images()] == [
            "registry.example.com/digits",
            "registry.example.com/more-digits",
        ]
    finally:
        site.delete("more-digits")


@pytest.mark.thorough
def test_each_location_has_a_job_and_one_that_fails_stops_no_other(
    site: WorkflowSite, tmp_path: Path
) -> None:
    hub, clone = site.hub(tmp_path, Options(pattern=Pattern.MATRIX, python=PYTHON))

    pushed = clone.push({})
    (run,) = hub.play(pushed)

    assert run.conclusion == "success", run.log
    assert run.job("Deploy weather").did("Build and push images") == "skipped"
    assert run.job("Deploy digits").did("Build PEX files") == "skipped"
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})

    hub.secrets = {**hub.secrets, "REGISTRY_PASSWORD": ""}
    (run,) = hub.play(clone.push(CHANGE_OF_DIGITS))

    assert run.conclusion == "failure"
    assert run.job("Deploy weather").result == "success"
    assert run.job("Deploy digits").result == "failure"


@pytest.mark.thorough
def test_the_official_action_deploys_what_changed(site: WorkflowSite, tmp_path: Path) -> None:
    options = Options(pattern=Pattern.CHANGED, tool=DeployTool.OFFICIAL_ACTION, python=PYTHON)
    hub, clone = site.hub(tmp_path, options)

    push_all_then_one_then_neither(site, hub, clone)


@pytest.mark.thorough
def test_the_official_action_heeds_a_configuration_that_is_newer_than_the_workflow(
    site: WorkflowSite, tmp_path: Path
) -> None:
    options = Options(pattern=Pattern.ROUTED, tool=DeployTool.OFFICIAL_ACTION, python=PYTHON)
    hub, clone = site.hub(tmp_path, options)
    configuration = (clone.folder / "dagster_cloud.yaml").read_text(encoding="utf-8")

    pushed = clone.push({"dagster_cloud.yaml": configuration.rstrip() + ANOTHER})
    succeed(hub, pushed)

    try:
        assert_loaded(site, dict.fromkeys(("weather", "digits", "more-digits"), pushed.sha))
    finally:
        site.delete("more-digits")


@pytest.mark.thorough
def test_the_official_action_deploys_a_pull_request(site: WorkflowSite, tmp_path: Path) -> None:
    options = Options(pattern=Pattern.PER_LOCATION, tool=DeployTool.OFFICIAL_ACTION, python=PYTHON)
    hub, clone = site.hub(tmp_path, options)
    clone.push({})
    before = site.commits()

    request, opened = clone.open(4, CHANGE_OF_DIGITS)
    succeed(hub, opened)

    assert_loaded(site, {"digits": opened.head}, branch_of(request))
    closed, _ = clone.merge(request)
    succeed(hub, closed)
    assert site.store.deployments.get(branch_of(request)).closed
    assert site.commits() == before


@pytest.mark.thorough
def test_our_own_command_line_deploys_what_changed(site: WorkflowSite, tmp_path: Path) -> None:
    options = Options(pattern=Pattern.CHANGED, tool=DeployTool.DAGSTEAD, python=PYTHON)
    hub, clone = site.hub(tmp_path, options)

    first = clone.push({})
    succeed(hub, first)
    assert_loaded(site, {"weather": first.sha, "digits": first.sha})

    second = clone.push(CHANGE_OF_DIGITS)
    succeed(hub, second)
    assert_loaded(site, {"weather": first.sha, "digits": second.sha})

    request, opened = clone.open(6, {"digits/src/digits/notes.py": "# In a branch.\n"})
    succeed(hub, opened)
    assert_loaded(site, {"digits": opened.head}, branch_of(request))
    closed, _ = clone.merge(request)
    succeed(hub, closed)
    assert site.store.deployments.get(branch_of(request)).closed
    assert_loaded(site, {"weather": first.sha, "digits": second.sha})


@pytest.mark.thorough
def test_a_pipeline_of_gitlab_deploys_everything(site: WorkflowSite, tmp_path: Path) -> None:
    options = Options(provider=Provider.GITLAB, pattern=Pattern.ROUTED, python=PYTHON)
    lab, clone = site.lab(tmp_path, options)

    pushed = clone.push({})
    played = lab.play(pushed)

    assert all(job.succeeded for job in played), played[-1].log
    assert [job.name for job in played] == ["dagster-plan", "dagster-images", "dagster-deploy"]
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})


def test_a_merge_request_of_gitlab_has_its_deployment_until_its_end(
    site: WorkflowSite, tmp_path: Path
) -> None:
    options = Options(provider=Provider.GITLAB, python=PYTHON)
    lab, clone = site.lab(tmp_path, options)
    clone.push({})
    before = site.commits()

    request, opened = clone.open(5, CHANGE_OF_DIGITS)
    played = lab.play(opened)

    assert all(job.succeeded for job in played), played[-1].log
    assert [job.name for job in played] == ["dagster-images", "dagster-deploy-branch"]
    branch = branch_deployment_name(REPOSITORY.rpartition("/")[2], request.branch)
    assert_loaded(site, {"weather": opened.head, "digits": opened.head}, branch)
    assert site.commits() == before
    assert not lab.images()[-1]["writes_cache"]

    (stopped,) = lab.stop(opened)
    assert stopped.succeeded, stopped.log
    assert site.store.deployments.get(branch).closed


@pytest.mark.thorough
def test_our_own_command_line_deploys_from_gitlab(site: WorkflowSite, tmp_path: Path) -> None:
    options = Options(provider=Provider.GITLAB, tool=DeployTool.DAGSTEAD, python=PYTHON)
    lab, clone = site.lab(tmp_path, options)

    pushed = clone.push({})
    (played,) = lab.play(pushed)
    assert played.succeeded, played.log
    assert_loaded(site, {"weather": pushed.sha, "digits": pushed.sha})

    request, opened = clone.open(7, CHANGE_OF_DIGITS)
    (played,) = lab.play(opened)
    assert played.succeeded, played.log
    branch = branch_deployment_name(REPOSITORY, request.branch)
    assert_loaded(site, {"weather": opened.head, "digits": opened.head}, branch)

    (stopped,) = lab.stop(opened)
    assert stopped.succeeded, stopped.log
    assert site.store.deployments.get(branch).closed
