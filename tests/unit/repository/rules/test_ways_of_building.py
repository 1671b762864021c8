"""How bad it is that a builder for serverless locations builds one with a registry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.ci.projects import read_project
from dagstead.repository.rules.base import Severity
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    DEPLOY,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)

_ACTION = "dagster-io/dagster-cloud-action/actions"
_EXECUTABLE = f"uses: {_ACTION}/build_deploy_python_executable@v1.13.7"
_UNQUEUED = TRAIN.replace("    agent_queue: gpu\n", "")


def _found(root: Path, files: Mapping[str, str]) -> dict[str, Severity]:
    (root / ".git").mkdir()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return {each.code: each.severity for each in check(read_project(root))}


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((f"{_EXECUTABLE}\nwith:\n  dagster_cloud_file: dagster_cloud.yaml",), "DW130"),
        ((BEGIN, call("ci build --build-strategy=python-executable"), DEPLOY), "DW130"),
        ((BEGIN, call("ci build --build-strategy=docker"), DEPLOY), "DW132"),
    ],
)
@pytest.mark.parametrize(
    ("entry", "severity"), [(TRAIN, Severity.ERROR), (_UNQUEUED, Severity.WARNING)]
)
def test_it_is_certain_only_for_a_queue_that_the_serverless_agent_does_not_serve(
    entry: str, severity: Severity, steps: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    files = {**locations(entry), "train/Dockerfile": "FROM python:3.12-slim\n"}

    found = _found(tmp_path, {**files, WORKFLOW: workflow(*steps)})

    assert found[code] is severity


_DG_INIT = (
    f"uses: {_ACTION}/utils/dg-deploy-init@v1.13.7\nwith:\n  project_dir: .\n  deployment: prod"
)
_DG_CLI = f"uses: {_ACTION}/utils/dg-cli@v1.13.7\nwith:\n  command: plus deploy"
_PROJECT = """
[project]
name = "tides"
version = "1"
dependencies = ["dagster", "dagster-cloud"]
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "tides"
"""


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ("--agent-type=serverless", set()),
        ("--agent-type=serverless --build-strategy=docker", set()),
        ("--agent-type=hybrid", {"DS231"}),
        ("", {"DS231"}),
    ],
)
def test_dg_reads_no_registry_for_a_serverless_agent(
    options: str, codes: set[str], tmp_path: Path
) -> None:
    steps = (_DG_INIT, f"{_DG_CLI} build-and-push {options}", f"{_DG_CLI} finish")
    files = {
        "pyproject.toml": _PROJECT,
        "build.yaml": "directory: .\nregistry: '...'\n",
        "src/tides/__init__.py": "",
        "src/tides/definitions.py": "",
        WORKFLOW: workflow(*steps),
    }

    assert _found(tmp_path, files).keys() == codes
