"""DW154: whose pushes reach a full deployment."""

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
    WORKFLOW,
    locations,
    workflow,
)

_DG = "uses: dagster-io/dagster-cloud-action/actions/utils/dg-deploy-init@v1.13.7"


def _found(root: Path, files: Mapping[str, str]) -> list[str]:
    (root / ".git").mkdir(exist_ok=True)
    for path, text in {**locations(ETL), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [
        f"{each.position.line} {each.found.message}"
        for each in check(read_project(root))
        if each.code == "DW154"
    ]


@pytest.mark.parametrize(
    ("on", "count"),
    [
        ("  push:\n", 1),
        ("  push:\n    branches: ['**']\n", 1),
        ("  push:\n    branches-ignore: [docs]\n", 1),
        ("  push:\n    paths: ['etl/**']\n", 1),
        ("  push:\n    tags: ['v*']\n", 0),
        ("  push:\n    branches: [main, release]\n", 0),
        ("  pull_request:\n  workflow_dispatch:\n", 0),
    ],
)
def test_the_branches_of_a_trigger_decide(on: str, count: int, tmp_path: Path) -> None:
    text = workflow(BEGIN, BUILD, DEPLOY, on=on)

    assert (
        _found(tmp_path, {WORKFLOW: text})
        == ["2 a push to any branch deploys it to 'prod'"] * count
    )


@pytest.mark.parametrize(
    ("job", "steps", "count"),
    [
        ("    if: github.ref == 'refs/heads/main'\n", (BEGIN, BUILD, DEPLOY), 0),
        ("", (BEGIN, BUILD, f"if: github.ref_name == 'main'\n{DEPLOY}"), 0),
        ("", (BEGIN, BUILD, f"if: steps.changed.outputs.etl == 'true'\n{DEPLOY}"), 1),
        ("    environment: production\n", (BEGIN, BUILD, DEPLOY), 0),
        ("", ('run: test "$GITHUB_REF_NAME" = main', BEGIN, BUILD, DEPLOY), 0),
        ("", (f"{BEGIN}\n  deployment: ${{{{ steps.where.outputs.name }}}}", BUILD, DEPLOY), 0),
        ("", (f"{BEGIN}\n  deployment: staging", BUILD, DEPLOY), 1),
    ],
)
def test_a_condition_may_choose_the_branch(
    job: str, steps: tuple[str, ...], count: int, tmp_path: Path
) -> None:
    text = workflow(*steps, on="  push:\n", job=job)

    assert len(_found(tmp_path, {WORKFLOW: text})) == count


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ("", 1),
        ("  rules:\n    - changes: [etl/**/*]\n", 1),
        ("  only: [branches]\n", 1),
        ("  rules:\n    - if: $CI_COMMIT_BRANCH\n", 1),
        (
            "  rules:\n    - if: $CI_PIPELINE_SOURCE == 'push'\n    - if: $CI_COMMIT_BRANCH\n",
            1,
        ),
        ("  rules:\n    - if: $CI_PIPELINE_SOURCE == 'merge_request_event'\n", 0),
        ("  rules:\n    - {if: $CI_COMMIT_BRANCH, when: manual}\n", 0),
        ("  rules:\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n", 0),
        ("  only: [main]\n", 0),
        ("  when: manual\n", 0),
    ],
)
def test_the_rules_of_a_job_of_gitlab_decide(rules: str, count: int, tmp_path: Path) -> None:
    text = (
        f"deploy:\n{rules}  script:\n"
        "    - dagster-cloud ci init --project-dir . --deployment prod\n"
        "    - dagster-cloud ci build --build-strategy=python-executable\n"
        "    - dagster-cloud ci deploy\n"
    )
    assert len(_found(tmp_path, {".gitlab-ci.yml": text})) == count


def test_rules_of_the_whole_pipeline_count(tmp_path: Path) -> None:
    text = (
        "workflow:\n  rules:\n    - if: $CI_COMMIT_BRANCH == 'main'\n"
        "deploy:\n  script:\n    - dagster-cloud ci init --deployment prod\n"
        "    - dagster-cloud ci build\n    - dagster-cloud ci deploy\n"
    )
    assert _found(tmp_path, {".gitlab-ci.yml": text}) == []


def test_dg_makes_branch_deployments_of_branches(tmp_path: Path) -> None:
    project = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "etl"\n'
    steps = (f"{_DG}\nwith:\n  project_dir: .", "run: dg plus deploy finish")

    assert (
        _found(tmp_path, {"pyproject.toml": project, WORKFLOW: workflow(*steps, on="  push:\n")})
        == []
    )


def test_one_key_of_branches_takes_the_place_of_the_other(tmp_path: Path) -> None:
    text = workflow(BEGIN, BUILD, DEPLOY, on="  push:\n    branches-ignore: [docs]\n")
    (tmp_path / ".git").mkdir()
    for path, each in {**locations(ETL), WORKFLOW: text}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(each, encoding="utf-8")
    (only,) = (each for each in check(read_project(tmp_path)) if each.code == "DW154")
    assert "in place of branches-ignore" in only.found.instead
