"""Errors in files that repeat what is deployed from another file."""

from __future__ import annotations

from pathlib import Path

from dagstead.repository.ci.projects import read_project
from dagstead.repository.rules.base import Severity
from dagstead.repository.rules.checking import check

_PEX = "dagster-io/dagster-cloud-action/actions/build_deploy_python_executable@v1.13.7"
_WORKFLOW = f"""\
on: {{push: {{branches: [main]}}}}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
        with: {{path: hull}}
      - uses: {_PEX}
        with: {{dagster_cloud_file: $GITHUB_WORKSPACE/hull/dagster_cloud.yaml}}
"""
_GOOD = "locations:\n  - location_name: deck\n    code_source: {package_name: deck}\n"
_BAD = _GOOD.replace("code_source", "python_package")


def _errors(root: Path, *, at_root: str, below: str) -> set[str]:
    files = {
        "dagster_cloud.yaml": at_root,
        "hull/dagster_cloud.yaml": below,
        "requirements.txt": "dagster-cloud\n",
        ".github/workflows/ship.yml": _WORKFLOW,
    }
    (root / ".git").mkdir()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    found = check(read_project(root))
    return {each.position.file for each in found if each.severity is Severity.ERROR}


def test_a_file_that_is_not_deployed_has_no_errors(tmp_path: Path) -> None:
    assert _errors(tmp_path, at_root=_GOOD, below=_BAD) == set()


def test_the_file_that_is_deployed_has(tmp_path: Path) -> None:
    assert _errors(tmp_path, at_root=_BAD, below=_GOOD) == {"dagster_cloud.yaml"}
