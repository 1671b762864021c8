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


def test_the_kind_of_what_is_not_deployed_is_no_matter(tmp_path: Path) -> None:
    queue = _GOOD + "    agent_queue: north\n"
    project = "[project]\nname = 'deck'\nversion = '1'\n[tool.dg]\ndirectory_type = 'project'\n"
    part = "dagster-io/dagster-cloud-action/actions/utils/dg"
    steps = (
        f"{{uses: {part}-deploy-init@v1.13.7, with: {{project_dir: .}}}}",
        f"{{uses: {part}-cli@v1.13.7, with: {{command: plus deploy build-and-push}}}}",
        f"{{uses: {part}-cli@v1.13.7, with: {{command: plus deploy finish}}}}",
    )
    job = f"{{runs-on: ubuntu-24.04, steps: [{', '.join(steps)}]}}"
    files = {
        "dagster_cloud.yaml": queue,
        "pyproject.toml": f"{project}[tool.dg.project]\nroot_module = 'deck'\n",
        "build.yaml": "registry: registry.example.com/deck\n",
        "deck/definitions.py": "",
    }
    # dg calls the location after the folder.
    root = tmp_path / "deck"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    (root / ".git").mkdir()

    alone = {each.code for each in check(read_project(root))}
    (root / ".github/workflows").mkdir(parents=True)
    (root / ".github/workflows/ship.yml").write_text(
        f"on: {{push: {{branches: [main]}}}}\njobs: {{ship: {job}}}\n", encoding="utf-8"
    )
    by_dg = {each.code for each in check(read_project(root))}

    assert "DS213" in alone
    assert by_dg == {"DS203"}
