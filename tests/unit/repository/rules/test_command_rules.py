"""DW146: calls that the official command lines refuse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    call,
    locations,
    workflow,
)


def _found(root: Path, files: Mapping[str, str]) -> list[Finding]:
    (root / ".git").mkdir(exist_ok=True)
    for path, text in {**locations(ETL), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return [each for each in check(read_project(root)) if each.code in {"DW110", "DW146"}]


@pytest.mark.parametrize(
    ("step", "message", "instead"),
    [
        (
            "run: dagster-cloud deploy --prod",
            "'dagster-cloud deploy' does not exist, in no release from 1.5 to 1.13",
            "Perhaps this is meant: dagster-cloud ci deploy or dagster-cloud serverless deploy",
        ),
        (
            "run: uv run dagster-cloud ci set-build-outputs",
            "'dagster-cloud ci set-build-outputs' does not exist, in no release from 1.5 to 1.13",
            "Did you mean 'dagster-cloud ci set-build-output'?",
        ),
        (
            call("ci init --projectdir=."),
            "'dagster-cloud ci init' has no option --projectdir, in no release from 1.5 to 1.13",
            "Did you mean '--project-dir'?",
        ),
        (
            "run: $DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint serverless deployy",
            "'dagster-cloud serverless deployy' does not exist, in no release from 1.5 to 1.13",
            "Did you mean 'dagster-cloud serverless deploy'?",
        ),
        (
            "run: dg plus deploy finishh",
            "'dg plus deploy finishh' does not exist, in no release from 1.10 to 1.13",
            "Did you mean 'dg plus deploy finish'?",
        ),
    ],
)
def test_what_no_release_has_is_named(
    step: str, message: str, instead: str, tmp_path: Path
) -> None:
    (only,) = _found(tmp_path, {WORKFLOW: workflow(*SERVERLESS, step)})

    assert (only.code, only.found.message, only.found.instead) == ("DW146", message, instead)
    assert only.position.file == WORKFLOW


@pytest.mark.parametrize(
    "step",
    [
        "run: dagster-cloud $COMMAND --whatever",
        "run: dagster-cloud --loglevel debug what",
        "run: dagster-cloud ci build -- --anything",
        "run: echo dagster-cloud deploy",
        "run: dg something-else --fast",
        "run: dg scaffold defs ours.Component --flag",
        "run: pip install dagster-cloud-cli==1.14.0 && dagster-cloud soon",
        "run: dagster-cloud ci dagster-dbt project manage-state --file x",
    ],
)
def test_what_may_exist_is_not_called_wrong(step: str, tmp_path: Path) -> None:
    assert _found(tmp_path, {WORKFLOW: workflow(*SERVERLESS, step)}) == []


def test_what_a_call_that_fails_was_to_deploy_is_deployed_by_nothing(tmp_path: Path) -> None:
    found = _found(tmp_path, {WORKFLOW: workflow("run: dagster-cloud deployment deploy")})

    assert {each.code for each in found} == {"DW110", "DW146"}


def test_scripts_are_read_too(tmp_path: Path) -> None:
    script = "#!/bin/sh\ncat dagster_cloud.yaml\ndagster-cloud ci deploi\n"
    (only,) = _found(tmp_path, {WORKFLOW: workflow(*SERVERLESS), "deploy.sh": script})

    assert (only.position.file, only.position.line) == ("deploy.sh", 3)
