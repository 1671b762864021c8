"""DW110: how bad it is that no workflow deploys a location to a full deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Severity
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import (
    BUILD,
    CI_INIT,
    DEPLOY,
    ETL,
    WORKFLOW,
    locations,
    workflow,
)

_FILES = locations(ETL, ETL.replace("name: etl", "name: reports"))
_ON_REQUESTS = "  pull_request:\n    types: [opened, synchronize, reopened, closed]\n"


@pytest.mark.parametrize(
    ("on", "found"),
    [
        (
            _ON_REQUESTS,
            {
                "etl is deployed only to branch deployments": Severity.WARNING,
                "reports is deployed by no workflow": Severity.ERROR,
            },
        ),
        ("  push:\n", {"reports is deployed by no workflow": Severity.ERROR}),
    ],
)
def test_a_full_deployment_may_be_made_elsewhere(
    on: str, found: dict[str, Severity], tmp_path: Path
) -> None:
    begin = f"uses: {CI_INIT}\nwith:\n  project_dir: .\n  location_names: '[\"etl\"]'"
    (tmp_path / ".git").mkdir()
    for path, text in {**_FILES, WORKFLOW: workflow(begin, BUILD, DEPLOY, on=on)}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    undeployed = [each for each in check(read_project(tmp_path)) if each.code == "DW110"]

    assert {each.found.message: each.severity for each in undeployed} == found
