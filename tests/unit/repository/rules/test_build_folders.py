"""A location whose code lies in a folder that its build directory does not name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check, fixed
from dagstead.repository.workflows.options import Pattern
from tests.unit.cli.conftest import Command, dagstead

__all__ = ["dagstead"]

_PACKAGE = '[project]\nname = "{0}"\nversion = "1"\ndependencies = ["dagster-cloud"]\n'
_LOCATIONS = """\
locations:
  - location_name: invoices
    # where the package lies
    working_directory: ./teams/invoices/lib/   # with its tests
    code_source:
      module_name: invoices.definitions
  - location_name: forecasts
    code_source: {python_file: main.py}
    working_directory: "teams/forecasts"
    build:
      # pushed by CI
      registry: registry.example.com/forecasts
    agent_queue: gpu
"""
_FIXED = """\
locations:
  - location_name: invoices
    # where the package lies
    working_directory: ./lib/   # with its tests
    build:
      directory: ./teams/invoices
    code_source:
      module_name: invoices.definitions
  - location_name: forecasts
    code_source: {python_file: main.py}
    working_directory: "."
    build:
      # pushed by CI
      directory: ./teams/forecasts
      registry: registry.example.com/forecasts
    agent_queue: gpu
"""
_FILES = {
    "dagster_cloud.yaml": _LOCATIONS,
    "pyproject.toml": "[tool.ruff]\nline-length = 100\n",
    "teams/invoices/pyproject.toml": _PACKAGE.format("invoices"),
    "teams/invoices/lib/invoices/__init__.py": "",
    "teams/invoices/lib/invoices/definitions.py": "",
    "teams/forecasts/main.py": "",
    "teams/forecasts/Dockerfile": "FROM python:3.12-slim\nCOPY . /app\nWORKDIR /app\n",
}


def written(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", newline="")
    (root / ".git").mkdir(exist_ok=True)
    return root


def codes(root: Path) -> list[str]:
    return [each.code for each in check(read_project(root))]


def test_one_code_says_which_folder_is_meant(tmp_path: Path) -> None:
    found = check(read_project(written(tmp_path, _FILES)))

    assert [each.code for each in found] == ["DS160", "DS160"]
    assert "'./teams/invoices', has the pyproject.toml" in found[0].found.message
    assert "has no Dockerfile" in found[1].found.message
    assert "build.directory: ./teams/forecasts" in found[1].found.instead


def test_the_fix_writes_what_is_missing_and_keeps_the_rest(
    dagstead: Command, tmp_path: Path
) -> None:
    root = written(tmp_path / "r", _FILES)

    assert dagstead("check", str(root), "--fix").code == 0

    assert (root / "dagster_cloud.yaml").read_text(encoding="utf-8") == _FIXED
    assert codes(root) == []
    assert dagstead("plan", str(root)).code == 0
    for pattern in Pattern:
        assert dagstead("workflow", "generate", str(root), "--pattern", pattern).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("plan",),
        ("plan", "--location", "invoices"),
        *(("workflow", "generate", "--pattern", str(each)) for each in Pattern),
        ("workflow", "generate", "--ci", "gitlab"),
        ("workflow", "generate", "--with", "dagstead"),
        ("migrate", "--to", "per-location", "--write"),
        ("migrate", "--to", "dg", "--write"),
        ("migrate", "--to", "root-workflows", "--write"),
    ],
    ids=" ".join,
)
def test_every_command_that_cannot_go_on_says_the_same(
    words: tuple[str, ...], dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = written(tmp_path / "r", _FILES)
    monkeypatch.chdir(root)
    before = sorted(root.rglob("*"))
    (found, *_) = check(read_project(root))

    said = dagstead(*words)

    assert said.code == 2
    assert f"DS160 {found.found.sentences}" in said.err
    assert f"{found.position}: " in said.err
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "locations: [{location_name: a, working_directory: x/src}]\n",
            "locations: [{location_name: a, working_directory: src, build: {directory: ./x}}]\n",
        ),
        (
            "locations:\r\n- location_name: a\r\n  working_directory: x",
            (
                "locations:\r\n- location_name: a\r\n  working_directory: .\r\n"
                "  build:\r\n    directory: ./x"
            ),
        ),
        (
            "locations:\n- location_name: a\n  build: {registry: null}\n  working_directory: x\n",
            (
                "locations:\n- location_name: a\n  build: {directory: ./x, registry: null}\n"
                "  working_directory: .\n"
            ),
        ),
    ],
)
def test_a_fix_is_written_as_the_file_is(before: str, after: str, tmp_path: Path) -> None:
    files = {"dagster_cloud.yaml": before, "x/setup.py": "", "x/src/a.py": ""}
    project = read_project(written(tmp_path, files))

    (changed,) = fixed(project, check(project))

    assert changed.text == after


def test_nothing_is_said_where_the_folder_of_the_file_can_be_built(tmp_path: Path) -> None:
    more = {"requirements.txt": "dagster-cloud\n", "Dockerfile": "FROM python:3.12-slim\n"}

    assert codes(written(tmp_path, {**_FILES, **more})) == []


def test_nothing_is_said_where_no_folder_can_be_built(tmp_path: Path) -> None:
    root = written(tmp_path, _FILES | {"teams/invoices/pyproject.toml": "[tool.ruff]\n"})
    (root / "teams/forecasts/Dockerfile").unlink()

    assert "DS160" not in codes(root)


def test_a_dockerfile_that_copies_from_the_top_is_not_built_in_its_folder(tmp_path: Path) -> None:
    dockerfile = "FROM python:3.12-slim\nCOPY teams/forecasts /app\n"
    root = written(tmp_path, {**_FILES, "teams/forecasts/Dockerfile": dockerfile})

    assert codes(root) == ["DS160", "DS242"]


def test_nothing_is_said_where_a_workflow_builds_from_a_path_of_its_own(tmp_path: Path) -> None:
    workflow = """\
on: {push: {branches: [main]}}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    env: {DAGSTER_CLOUD_API_TOKEN: "${{ secrets.T }}", DAGSTER_CLOUD_ORGANIZATION: acme}
    steps:
      - uses: actions/checkout@v4
      - run: |
          dagster-cloud ci init --project-dir . --deployment prod --location-name forecasts
          docker build -t registry.example.com/forecasts:1 --push teams/forecasts
          dagster-cloud ci set-build-output --location-name forecasts --image-tag 1
          dagster-cloud ci deploy
"""
    root = written(tmp_path, {**_FILES, ".github/workflows/deploy.yml": workflow})

    found = [each for each in check(read_project(root)) if each.code == "DS160"]

    assert ["'invoices'" in each.found.message for each in found] == [True]


def test_a_hybrid_location_without_a_dockerfile_is_built_from_its_project(tmp_path: Path) -> None:
    hybrid = _LOCATIONS.partition("  - location_name: forecasts")[0].rstrip() + (
        "\n    build: {registry: registry.example.com/invoices}\n"
    )
    files = {each: _FILES[each] for each in _FILES if each.startswith("teams/invoices")}
    (only,) = check(read_project(written(tmp_path, {**files, "dagster_cloud.yaml": hybrid})))
    assert only.code == "DS160"
    assert "'.', which has no Dockerfile, pyproject.toml, setup.py" in only.found.message
    assert "'./teams/invoices', has the pyproject.toml" in only.found.message


@pytest.mark.parametrize(
    ("beside", "says", "planned"),
    [
        ({}, "has no Dockerfile and nothing to generate one from", 2),
        ({"requirements.txt": "dagster-cloud\n"}, "`dagstead build` generates one", 0),
    ],
)
def test_check_says_whether_an_image_can_be_made(
    beside: Mapping[str, str], says: str, planned: int, dagstead: Command, tmp_path: Path
) -> None:
    alone = (
        "locations:\n  - location_name: lone\n    code_source: {package_name: lone}\n"
        "    build: {registry: registry.example.com/lone}\n"
    )
    root = written(tmp_path, {"dagster_cloud.yaml": alone, "lone/__init__.py": "", **beside})
    (only,) = check(read_project(root))
    assert only.code == "DS242"
    assert says in only.found.message
    assert dagstead("plan", str(root)).code == planned
