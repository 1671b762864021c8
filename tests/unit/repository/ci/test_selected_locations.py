"""Sessions of which locations are taken out, and put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.rules.workflows.examples import WORKFLOW, workflow
from tests.unit.repository.ci.followed import examine, followed

_BEGIN = "run: dagster-cloud ci init --project-dir . --deployment prod"
_PEX = "run: dagster-cloud ci build --build-strategy python-executable"
_DEPLOY = "run: dagster-cloud ci deploy"
_ENV = "env:\n  DAGSTER_CLOUD_URL: https://dagster.example.com\n"


def _codes(root: Path, *chosen: str) -> set[str]:
    steps = [_BEGIN, *(f"run: dagster-cloud ci {each}" for each in chosen), _PEX, _DEPLOY]
    found = examine(followed(root, {WORKFLOW: workflow(*steps, head=_ENV)}))
    return {each.code for each in found} & {"DW110", "DW130", "DW113"}


@pytest.mark.parametrize(
    ("chosen", "codes"),
    [
        ((), {"DW130"}),
        (("locations-deselect train",), {"DW110"}),
        (("locations-deselect etl train", "locations-select etl"), {"DW110"}),
        (("locations-deselect train", "locations-select train"), {"DW130"}),
        (("locations-deselect $HYBRID",), set()),
    ],
)
def test_what_is_deselected_is_neither_built_nor_deployed(
    chosen: tuple[str, ...], codes: set[str], tmp_path: Path
) -> None:
    assert _codes(tmp_path, *chosen) == codes


def test_a_job_that_only_selects_does_nothing(tmp_path: Path) -> None:
    step = "run: dagster-cloud ci locations-select etl"
    found = followed(tmp_path, {WORKFLOW: workflow(step, head=_ENV)})
    assert not any(found.deployers.values())
