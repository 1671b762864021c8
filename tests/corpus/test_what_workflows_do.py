"""Faults that people met: workflows that are fine were blamed, and broken ones were not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import DEPLOY, LOCATION, PACKAGE, Repository, repository_of
from tests.corpus.workflow_texts import ACTION, MAIN, STEPS, workflow


def _made(folder: Path, workflow: str, **more: str) -> Repository:
    files = {
        "dagster_cloud.yaml": LOCATION,
        "pyproject.toml": PACKAGE,
        "tides/__init__.py": "",
        "Dockerfile": "FROM python:3.12-slim\n",
        DEPLOY: workflow,
    }
    return repository_of(folder / "harbour", {**files, **more})


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("dagster-cloud deployment deploy --deployment prod", "deployment deploy"),
        ("dagster-cloud ci deploy-all", "ci deploy-all"),
        ("dagster-cloud serverless publish .", "serverless publish"),
        ("dg plus deploy begin --deployment prod", "plus deploy begin"),
    ],
)
def test_a_command_that_does_not_exist_is_an_error(
    tmp_path: Path, command: str, named: str
) -> None:
    steps = f"\n          - uses: actions/checkout@v4\n          - run: {command}\n"
    made = _made(tmp_path, workflow(MAIN, steps))

    errors = made.errors()

    assert any(named in each and each.startswith(f"{DEPLOY}:") for each in errors), errors
    if command.startswith("dagster-cloud"):
        assert any(" DW110 tides" in each for each in errors), errors
    inspected = made.run("workflows", "inspect")
    assert inspected.returncode == 1
    assert named in inspected.stdout


@pytest.mark.parametrize(
    "command",
    [
        "dagster-cloud serverless deploy . --location-name tides",
        "dagster-cloud ci deploy",
        "dagster-cloud --help",
        "dagster-cloud $COMMAND",
        "dg plus deploy finish",
        "dg --version",
        "dagster-cloud config setup",
    ],
)
def test_a_command_that_exists_is_fine(tmp_path: Path, command: str) -> None:
    steps = f"{STEPS.rstrip()}\n          - run: {command}\n"

    errors = _made(tmp_path, workflow(MAIN, steps)).errors()

    assert not [each for each in errors if "command" in each], errors


_CANCEL = "concurrency: {group: 'deploy-${{ github.ref }}', cancel-in-progress: true}"
_PULL = "{push: {branches: [main], paths: ['**']}, pull_request: {paths: ['**']}}"


@pytest.mark.parametrize(
    "workflow",
    [
        workflow("{pull_request: {paths: ['tides/**']}}", top=_CANCEL),
        workflow(_PULL, more=f"if: github.event_name == 'pull_request'\n        {_CANCEL}"),
        # The run that cancels deploys all that the other one would have deployed.
        workflow("{push: {branches: [main], paths: ['tides/**']}}", top=_CANCEL),
        workflow("{push: {branches: [main], paths-ignore: ['docs/**']}}", top=_CANCEL),
    ],
    ids=["pull-requests", "job-of-pull-requests", "paths", "paths-ignore"],
)
def test_a_cancelled_deploy_that_is_made_up_for_is_no_error(tmp_path: Path, workflow: str) -> None:
    errors = _made(tmp_path, workflow).errors()

    assert not [each for each in errors if " DW152 " in each], errors


_COMPARED = """
          - uses: actions/checkout@v4
          - id: changed
            uses: tj-actions/changed-files@v46
            with: {files: "surge/**"}
          - if: steps.changed.outputs.any_changed == 'true'
            run: dagster-cloud ci init --project-dir surge --deployment prod
          - if: steps.changed.outputs.any_changed == 'true'
            run: dagster-cloud ci build --build-strategy python-executable
          - if: steps.changed.outputs.any_changed == 'true'
            run: dagster-cloud ci deploy
    """


def test_a_cancelled_deploy_that_is_lost_is_an_error(tmp_path: Path) -> None:
    surge = {
        "surge/dagster_cloud.yaml": LOCATION.replace("tides", "surge"),
        "surge/pyproject.toml": PACKAGE.replace("tides", "surge"),
        "surge/surge/__init__.py": "",
    }
    made = repository_of(
        tmp_path / "harbour", {**surge, DEPLOY: workflow(MAIN, _COMPARED, top=_CANCEL)}
    )

    assert [each for each in made.errors() if " DW152 " in each]


def test_what_a_workflow_builds_is_what_other_commands_show(tmp_path: Path) -> None:
    steps = STEPS.replace("python-executable", "docker")
    made = _made(tmp_path, workflow(MAIN, steps))

    explained = made.said("explain", "tides")

    assert "(serverless image)" in made.said("workflows", "inspect")
    assert "image" in explained.partition("What builds and deploys it")[2]


@pytest.mark.parametrize(
    "on", ["push", "{push: {paths: ['tides/**']}}", "{push: {branches: ['**']}}"]
)
def test_a_push_to_any_branch_that_deploys_to_prod_is_found(tmp_path: Path, on: str) -> None:
    made = _made(tmp_path, workflow(on))

    (found,) = (each for each in made.findings() if "any branch" in each["message"])

    assert found["file"] == DEPLOY
    assert "prod" in found["message"]
    assert "any branch" in made.said("workflows", "inspect")


@pytest.mark.parametrize(
    ("on", "more"),
    [
        (MAIN, ""),
        ("push", "if: github.ref == 'refs/heads/main'"),
        ("push", "if: github.ref_name == github.event.repository.default_branch"),
        ("{push: {tags: ['v*']}}", ""),
        ("workflow_dispatch", ""),
    ],
)
def test_a_push_to_one_branch_is_fine(tmp_path: Path, on: str, more: str) -> None:
    made = _made(tmp_path, workflow(on, more=more))

    assert not [each for each in made.findings() if "any branch" in each["message"]]


_BELOW = {
    "apps/tides/dagster_cloud.yaml": LOCATION,
    "apps/tides/pyproject.toml": PACKAGE,
    "apps/tides/tides/__init__.py": "",
}


def _below(version: str, project: str, build: str) -> str:
    steps = f"""
          - uses: actions/checkout@v4
          - uses: {ACTION}/ci-init@{version}
            with: {{project_dir: "{project}", deployment: prod}}
          - {build}
          - uses: {ACTION}/dagster-cloud-cli@{version}
            with: {{command: "ci deploy"}}
    """
    return workflow(MAIN, steps)


_BUILD = "$DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint ci build"


@pytest.mark.parametrize(
    "build",
    [
        f"run: cd apps/tides && {_BUILD} --build-strategy=python-executable",
        f"run: |\n              cd ./apps/tides\n              {_BUILD}",
        f"{{run: {_BUILD}, working-directory: apps/tides}}",
    ],
    ids=["and", "lines", "working-directory"],
)
def test_a_build_in_the_folder_of_a_relative_project_is_an_error(
    tmp_path: Path, build: str
) -> None:
    workflow = _below("v1.13.7", "apps/tides", build)
    made = repository_of(tmp_path / "harbour", {**_BELOW, DEPLOY: workflow})

    errors = made.errors()

    assert errors
    assert any("apps/tides" in each and each.startswith(f"{DEPLOY}:") for each in errors), errors
    assert made.run("workflows", "inspect").returncode == 1


@pytest.mark.parametrize(
    ("version", "project", "build"),
    [
        ("v1.13.7", "${{ github.workspace }}/apps/tides", f"run: cd apps/tides && {_BUILD}"),
        ("v1.13.7", "apps/tides", f"run: {_BUILD}"),
        ("v1.11.9", "apps/tides", f"run: cd apps/tides && {_BUILD}"),
    ],
    ids=["absolute", "not-in-it", "older"],
)
def test_a_build_that_finds_its_project_is_fine(
    tmp_path: Path, version: str, project: str, build: str
) -> None:
    workflow = _below(version, project, build)
    made = repository_of(tmp_path / "harbour", {**_BELOW, DEPLOY: workflow})

    assert made.errors() == []


def test_a_session_of_one_location_builds_it_in_its_way(tmp_path: Path) -> None:
    workflow = _below("v1.13.7", "apps/tides", f"run: {_BUILD} --build-strategy=python-executable")
    surge = {
        "apps/surge/dagster_cloud.yaml": """
            locations:
              - location_name: surge
                code_source: {package_name: surge}
                build: {registry: registry.example.com/surge}
            """,
        "apps/surge/Dockerfile": "FROM python:3.12-slim\n",
        "apps/surge/surge/__init__.py": "",
    }
    made = repository_of(tmp_path / "harbour", {**_BELOW, **surge, DEPLOY: workflow})

    assert not [each for each in made.findings() if each["code"] == "DS501"]


_FIRST = """
          - run: dagster-cloud ci init --project-dir . --deployment prod --location-name surge
          - run: dagster-cloud ci build --build-strategy python-executable
          - run: dagster-cloud ci deploy
    """
_SECOND = """
          - run: dagster-cloud ci init --project-dir . --deployment prod --location-name tides
          - run: dagster-cloud ci build --build-strategy docker
          - run: dagster-cloud ci deploy
    """


def test_a_session_that_was_deployed_may_be_emptied(tmp_path: Path) -> None:
    two = {
        "dagster_cloud.yaml": """
            locations:
              - location_name: surge
                code_source: {package_name: surge}
              - location_name: tides
                code_source: {package_name: tides}
            """,
        "surge/__init__.py": "",
    }
    in_turn = _FIRST.rstrip() + _SECOND
    mixed = in_turn.replace("- run: dagster-cloud ci deploy", "- run: echo", 1)

    fine = _made(tmp_path / "fine", workflow(MAIN, in_turn), **two)
    lost = _made(tmp_path / "lost", workflow(MAIN, mixed), **two)

    assert fine.errors() == []
    assert [each for each in lost.errors() if " DW150 " in each]


def test_what_is_chosen_while_it_runs_is_built_in_the_only_way_there_is(tmp_path: Path) -> None:
    part = "dagster-io/dagster-cloud-action/actions/serverless_prod_deploy@v1.13.7"
    files = {
        "dagster_cloud.yaml": LOCATION,
        "pyproject.toml": PACKAGE,
        "tides/__init__.py": "",
        DEPLOY: f"""
            on: {{workflow_dispatch: {{inputs: {{location: {{type: string}}}}}}}}
            jobs:
              deploy:
                runs-on: ubuntu-24.04
                steps:
                  - uses: {part}
                    with: {{location: "${{{{ inputs.location }}}}", organization_id: ours}}
            """,
    }
    made = repository_of(tmp_path / "tides", files)

    assert "may deploy: tides (serverless image)" in made.said("workflow", "inspect")
    assert "builds it (serverless image) at line" in made.said("explain", "tides")
