"""DW155 and what DW144 says beside it: the project folder that comes twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding
from dagstead.repository.rules.checking import check, fixed, write
from dagstead.repository.rules.workflows.examples import CI_INIT, DEPLOY, WORKFLOW, call, workflow

_CLI = "dagster-cloud ci build --build-strategy python-executable"
_FILES = {
    "sea/tide/dagster_cloud.yaml": "locations:\n  - location_name: tide\n"
    "    code_source: {package_name: tide}\n",
    "sea/tide/setup.py": "# tide\n",
}
_BEGIN = f"uses: {CI_INIT}\nwith:\n  project_dir: ./sea/tide"
_OWN = "env:\n  DAGSTER_CLOUD_URL: https://dagster.example.com\n"


def _written(root: Path, files: Mapping[str, str]) -> Path:
    (root / ".git").mkdir(exist_ok=True)
    for path, text in {**_FILES, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def _found(root: Path, *steps: str, head: str = "") -> list[Finding]:
    text = workflow(*steps, head=head)
    found = check(read_project(_written(root, {WORKFLOW: text})))
    return [each for each in found if each.code in {"DW144", "DW155"}]


@pytest.mark.parametrize(
    ("build", "kept"),
    [
        (f"run: |\n  cd sea/tide\n  {_CLI}", f"run: |\n          {_CLI}\n"),
        (f"run: cd sea/tide && {_CLI}", f"run: {_CLI}\n"),
        (f"run: {_CLI}\nworking-directory: sea/tide", f"- run: {_CLI}\n      - uses"),
    ],
)
def test_a_build_below_its_project_folder_fails_and_is_put_right(
    build: str, kept: str, tmp_path: Path
) -> None:
    (only,) = _found(tmp_path, _BEGIN, build, DEPLOY)
    assert only.code == "DW155"
    assert "looks for 'sea/tide/sea/tide', which is not there" in only.found.message

    project = read_project(tmp_path)
    write(tmp_path, fixed(project, [only]))

    assert kept in (tmp_path / WORKFLOW).read_text(encoding="utf-8")
    assert "DW155" not in {each.code for each in check(read_project(tmp_path))}


@pytest.mark.parametrize(
    "steps",
    [
        (_BEGIN, f"run: {_CLI}"),
        (_BEGIN, call("ci build --build-strategy python-executable")),
        (_BEGIN, f"run: |\n  cd sea/tide\n  cd ../..\n  {_CLI}"),
        (_BEGIN, f"run: |\n  (cd sea/tide && pip install .)\n  {_CLI}"),
        (_BEGIN, f'run: |\n  here="$(cd sea/tide && pwd)"\n  {_CLI}'),
        (_BEGIN, f"run: |\n  cd sea/tide\n  pip install .\n  cd -\n  {_CLI}"),
        (_BEGIN, f"run: |\n  pushd sea/tide\n  (cd .. && ls)\n  popd\n  {_CLI}"),
        (_BEGIN, f"run: |\n  case $A in\n    b) (cd sea/tide; ls) ;;\n  esac\n  {_CLI}"),
        (f"run: |\n  cd sea/tide\n  dagster-cloud ci init --project-dir .\n  {_CLI}",),
        (
            f"uses: {CI_INIT}\nwith:\n  project_dir: ${{{{ github.workspace }}}}/sea/tide",
            f"run: |\n  cd sea/tide\n  {_CLI}",
        ),
        (_BEGIN.replace("v1.13.7", "v1.11.9"), f"run: |\n  cd sea/tide\n  {_CLI}"),
        (_BEGIN.replace("v1.13.7", "v0.1"), f"run: |\n  cd sea/tide\n  {_CLI}"),
    ],
)
def test_what_finds_its_folder_is_fine(steps: tuple[str, ...], tmp_path: Path) -> None:
    assert _found(tmp_path, *steps, DEPLOY) == []


@pytest.mark.parametrize(
    "build",
    [
        f"run: |\n  pushd sea/tide\n  {_CLI}\n  popd",
        f"run: (cd sea/tide && {_CLI})",
        f"run: |\n  cd sea/tide\n  (cd .. && ls)\n  {_CLI}",
        f"run: uv --directory sea/tide run {_CLI}",
        f"run: env -C sea/tide {_CLI}",
    ],
)
def test_every_way_into_the_folder_is_followed(build: str, tmp_path: Path) -> None:
    (only,) = _found(tmp_path, _BEGIN, build, DEPLOY)
    assert "looks for 'sea/tide/sea/tide', which is not there" in only.found.message


def test_the_folder_of_defaults_is_for_scripts_and_for_no_action(tmp_path: Path) -> None:
    root = _written(tmp_path, {})
    head = "defaults:\n  run:\n    working-directory: sea/tide\n"
    found = _found(root, _BEGIN, f"run: {_CLI}", DEPLOY, head=head)
    assert [each.code for each in found] == ["DW155"]
    assert "DW112" not in {each.code for each in check(read_project(root))}


def test_a_build_above_the_folder_of_its_session_builds_another_one(tmp_path: Path) -> None:
    begin = "run: |\n  cd sea/tide\n  dagster-cloud ci init --project-dir ."
    (only,) = _found(tmp_path, begin, f"run: {_CLI}", "run: dagster-cloud ci deploy")
    assert only.found.message == (
        "'ci build' builds '.', which has no project: it runs in '.', and 'ci init' was given '.' "
        "in 'sea/tide'"
    )


def test_a_step_that_does_something_else_in_the_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (only,) = _found(tmp_path, _BEGIN, f"run: |\n  cd sea/tide\n  dbt parse\n  {_CLI}", DEPLOY)

    assert only.found.edits == ()


def test_the_advice_to_use_a_newer_action_breaks_nothing(tmp_path: Path) -> None:
    old = _BEGIN.replace("v1.13.7", "v1.11.9")
    (only,) = _found(tmp_path, old, f"run: |\n  cd sea/tide\n  {_CLI}", DEPLOY, head=_OWN)

    assert only.code == "DW144"
    assert only.found.instead.startswith("Use v1.12.12 or newer, and call 'ci build' in line ")
