"""DW152 on GitHub: deploys of workflows and jobs that share one concurrency group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding, Severity
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import (
    BUILD,
    CI_INIT,
    DEPLOY,
    ETL,
    SERVERLESS,
    locations,
    workflow,
)

_FOLDER = ".github/workflows"
_LOCATIONS = locations(ETL, ETL.replace("name: etl", "name: reports"))
_MAIN = "  push:\n    branches: [main]\n"
_RELEASE = "  push:\n    branches: [release]\n"


def _cancel(group: str) -> str:
    return f"concurrency:\n  group: {group}\n  cancel-in-progress: true\n"


def _begin(names: str) -> str:
    return f"uses: {CI_INIT}\nwith:\n  project_dir: .\n  location_names: '{names}'"


def _deploys(name: str, group: str, on: str = _MAIN) -> str:
    return workflow(_begin(f'["{name}"]'), BUILD, DEPLOY, on=on, head=_cancel(group))


def _lost(root: Path, workflows: Mapping[str, str]) -> list[str]:
    found = _found(root, workflows)
    assert all(each.severity is Severity.ERROR for each in found)
    return [each.found.sentences for each in found]


def _found(root: Path, workflows: Mapping[str, str]) -> list[Finding]:
    files = {**_LOCATIONS, **{f"{_FOLDER}/{name}.yml": each for name, each in workflows.items()}}
    (root / ".git").mkdir()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [each for each in check(read_project(root)) if each.code == "DW152"]


def test_workflows_that_deploy_different_locations_cancel_one_another(tmp_path: Path) -> None:
    found = _lost(tmp_path, {"a": _deploys("etl", "x"), "b": _deploys("reports", "x")})

    others = [each.partition("lost: ")[2].partition(". ")[0] for each in found]
    assert others == [
        f"{_FOLDER}/b.yml is in the same group, and deploys reports",
        f"{_FOLDER}/a.yml is in the same group, and deploys etl",
    ]


@pytest.mark.parametrize(
    "workflows",
    [
        {"a": _deploys("etl", "x"), "b": _deploys("reports", "y")},
        {"a": _deploys("etl", "x"), "b": _deploys("etl", "x")},
        {
            "a": _deploys("etl", "'${{ github.workflow }}-${{ github.ref }}'"),
            "b": _deploys("reports", "'${{ github.workflow }}-${{ github.ref }}'"),
        },
        {
            "a": _deploys("etl", "'${{ github.ref }}'"),
            "b": _deploys("reports", "'${{ github.ref }}'", _RELEASE),
        },
    ],
    ids=["groups", "locations", "workflow", "branches"],
)
def test_workflows_that_do_not_meet_or_deploy_the_same_lose_nothing(
    workflows: Mapping[str, str], tmp_path: Path
) -> None:
    assert _lost(tmp_path, workflows) == []


def test_a_workflow_that_deploys_nothing_may_cancel_one_that_does(tmp_path: Path) -> None:
    tests = workflow("run: pytest", head=_cancel("'${{ github.ref }}'"))
    deploys = workflow(*SERVERLESS, head="concurrency:\n  group: '${{ github.ref }}'\n")

    (found,) = _found(tmp_path, {"tests": tests, "deploy": deploys})

    assert found.severity is Severity.WARNING
    assert f"{_FOLDER}/deploy.yml is in the same group, and deploys etl, reports" in (
        found.found.message
    )


_JOB = "    concurrency: {{group: '{}', cancel-in-progress: true}}\n"
_MATRIX = "    strategy: {matrix: {name: [etl, reports]}}\n"


@pytest.mark.parametrize(
    ("group", "number"), [("x", 1), ("x-${{ matrix.name }}", 0), ("x-${{ github.job }}", 1)]
)
def test_entries_of_a_matrix_cancel_one_another(group: str, number: int, tmp_path: Path) -> None:
    begin = _begin('["${{ matrix.name }}"]')
    text = workflow(begin, BUILD, DEPLOY, job=_MATRIX + _JOB.format(group))

    assert len(_lost(tmp_path, {"deploy": text})) == number


@pytest.mark.parametrize(("needs", "number"), [("", 2), ("    needs: deploy\n", 0)])
def test_jobs_that_run_at_one_time_cancel_one_another(
    needs: str, number: int, tmp_path: Path
) -> None:
    first = workflow(_begin('["etl"]'), BUILD, DEPLOY, job=_JOB.format("x"))
    second = workflow(_begin('["reports"]'), BUILD, DEPLOY, job=_JOB.format("x") + needs)
    text = first + second.partition("jobs:\n")[2].replace("  deploy:", "  second:", 1)

    assert len(_lost(tmp_path, {"deploy": text})) == number


_ON_CALL = "  workflow_call:\n    inputs:\n      name: {type: string}\n"


@pytest.mark.parametrize(
    ("group", "number"), [("x", 1), ("${{ inputs.name }}", 0), ("${{ github.workflow }}", 0)]
)
def test_the_group_of_a_called_workflow_is_that_of_its_callers(
    group: str, number: int, tmp_path: Path
) -> None:
    calls = {
        name: f"name: {name}\non:\n{_MAIN}jobs:\n  deploy:\n"
        f"    uses: ./.github/workflows/called.yml\n    with: {{name: {name}}}\n"
        for name in ("etl", "reports")
    }
    begin, head = _begin('["${{ inputs.name }}"]'), _cancel(f"'{group}-${{{{ github.ref }}}}'")
    called = workflow(begin, BUILD, DEPLOY, on=_ON_CALL, head=head)

    assert len(_lost(tmp_path, {**calls, "called": called})) == number
