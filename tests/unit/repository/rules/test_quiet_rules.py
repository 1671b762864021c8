"""Where rules about workflows say nothing: what is no fault, and what nobody can see from here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    BUILD,
    DEPLOY,
    ETL,
    PRERUN,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)


def codes(root: Path, files: Mapping[str, str]) -> set[str]:
    (root / ".git").mkdir(parents=True, exist_ok=True)
    for path, text in {**locations(ETL), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return {each.code for each in check(read_project(root))}


def test_what_pull_requests_cancel_is_deployed_by_the_next_one(tmp_path: Path) -> None:
    paths = '["etl/**", dagster_cloud.yaml, .github/workflows/deploy.yml]'
    on = f"  push:\n    paths: {paths}\n  pull_request:\n    types: [opened, closed]\n"
    job = (
        "    if: github.event_name == 'pull_request'\n"
        "    concurrency:\n      group: ${{ github.ref }}\n      cancel-in-progress: true\n"
    )
    close = f"uses: {PRERUN}"
    text = workflow(close, BEGIN, BUILD, DEPLOY, on=on, job=job)

    assert "DW152" not in codes(tmp_path, {WORKFLOW: text})


def test_the_choice_of_a_run_may_leave_out_what_was_cancelled(tmp_path: Path) -> None:
    head = "concurrency:\n  group: deploy\n  cancel-in-progress: true\n"
    some = f"{BEGIN}\n  location_names: ${{{{ steps.which.outputs.names }}}}"
    text = workflow(some, BUILD, DEPLOY, head=head)

    assert "DS503" in codes(tmp_path, {WORKFLOW: text})


@pytest.mark.parametrize(
    ("closing", "found"),
    [
        ("- uses: ours/close-branch-deployment@v2", set()),
        ("- run: ./scripts/close.sh", set()),
        ("- uses: actions/stale@v9", {"DW151"}),
    ],
)
def test_what_closes_branch_deployments_may_be_elsewhere(
    closing: str, found: set[str], tmp_path: Path
) -> None:
    on = "  push:\n    branches: [main]\n  pull_request:\n"
    close = (
        "on:\n  pull_request:\n    types: [closed]\n# DAGSTER_CLOUD_API_TOKEN\njobs:\n  close:\n"
        f"    runs-on: ubuntu-24.04\n    steps:\n      {closing}\n"
    )
    files = {WORKFLOW: workflow(BEGIN, BUILD, DEPLOY, on=on), ".github/workflows/close.yml": close}

    assert codes(tmp_path, files) == found


def test_a_password_of_a_service_of_a_job_is_no_secret(tmp_path: Path) -> None:
    text = workflow(BEGIN, BUILD, DEPLOY)
    job = (
        "  unit:\n    runs-on: ubuntu-24.04\n    env:\n      DB_PASSWORD: Xy7-tz99q\n"
        "    services:\n      db:\n        image: postgres\n    steps:\n      - run: pytest\n"
    )
    assert codes(tmp_path, {WORKFLOW: text + job}) == set()


def test_a_session_whose_file_is_gone_is_reported_once(tmp_path: Path) -> None:
    begin = BEGIN.replace("project_dir: .", "project_dir: etl")
    on = '  push:\n    branches: [main]\n    paths: ["etl/**"]\n'
    files = {**locations(ETL, TRAIN), WORKFLOW: workflow(begin, BUILD, DEPLOY, on=on)}

    assert codes(tmp_path, files) == {"DW112", "DW123"}


def test_dg_writes_the_dockerfile_of_a_project(tmp_path: Path) -> None:
    project = '[project]\nname = "x"\n[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\n'
    files = {
        "pyproject.toml": f'{project}agent_queue = "q"\nroot_module = "x"\n',
        "build.yaml": "registry: registry.example.com/x\n",
    }

    assert codes(tmp_path, files) == set()


@pytest.mark.parametrize(
    ("file", "found"),
    [("docker/Dockerfile.train", set()), ("docker/gone", {"DS242"}), ("$FILE", set())],
)
def test_the_dockerfile_that_a_workflow_names_may_be_elsewhere(
    file: str, found: set[str], tmp_path: Path
) -> None:
    image = "registry.example.com/train:$GITHUB_SHA"
    made = f"run: docker build -f {file} -t {image} train && docker push {image}"
    record = call("ci set-build-output --location-name train --image-tag $GITHUB_SHA")
    files = {
        "dagster_cloud.yaml": locations(TRAIN)["dagster_cloud.yaml"],
        "docker/Dockerfile.train": "FROM python:3.12-slim\n",
        WORKFLOW: workflow(BEGIN, made, record, DEPLOY),
    }
    (tmp_path / "train").mkdir()

    assert {each for each in codes(tmp_path, files) if each.startswith("DS")} == found


def test_a_dockerfile_can_be_generated_only_from_what_a_folder_needs(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "dagster_cloud.yaml").write_text(locations(TRAIN)["dagster_cloud.yaml"])

    (without,) = check(read_project(tmp_path))
    (tmp_path / "train/requirements.txt").write_text("dagster\ndagster-cloud\n")
    (beside,) = check(read_project(tmp_path))

    assert without.found.message.endswith("has no Dockerfile and nothing to generate one from")
    assert without.found.instead.startswith("Name the folder that has one")
    assert beside.found.message.endswith(
        "`dagstead build` generates one, but any other build fails"
    )
    assert "`dagstead plan --show-dockerfile` prints" in beside.found.instead
