"""``[tool.dagstead]``: what a repository excludes from its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.projects import read_project
from dagstead.repository.files.reader import with_changes, with_everything
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.settings import dagstead_settings
from tests.unit.repository.ci.test_naming import workflow
from tests.unit.repository.files.test_deployed import cloud, dg, left_out, names, read


def settings(*patterns: str) -> str:
    listed = ", ".join(f'"{each}"' for each in patterns)
    return f"[tool.dagstead]\nexclude = [{listed}]\n"


_FILES = {
    "pyproject.toml": settings("lab/", "*_old.yaml", "/.github/workflows/old.yml"),
    "app/dagster_cloud.yaml": cloud("app"),
    "app/dagster_cloud_old.yaml": "locations: [\n",
    "lab/one/dagster_cloud.yaml": cloud("one"),
    "lab/two/pyproject.toml": dg(),
    "lab/agents.yaml": "agents: [{name: x}]\n",
}


def test_what_is_excluded_is_no_configuration(tmp_path: Path) -> None:
    project = read(tmp_path, _FILES)

    assert names(project) == names(with_everything(project)) == ["app"]
    assert {each.path for each in project.files} == {"pyproject.toml", "app/dagster_cloud.yaml"}
    assert set(left_out(project).values()) == {"[tool.dagstead] excludes it"}
    assert all(each.is_expected for each in project.left_out)


def test_settings_of_the_repository_count_in_its_folders(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    read(tmp_path, {**_FILES, "pyproject.toml": settings("/app/x/", "lab")})
    read(tmp_path, {"app/x/dagster_cloud.yaml": cloud("x")})

    assert names(read_project(tmp_path / "app")) == ["app"]
    assert names(read_project(tmp_path / "lab")) == []
    assert names(read_project(tmp_path / "lab/one/dagster_cloud.yaml")) == ["one"]


def test_a_workflow_that_is_excluded_is_not_looked_at(tmp_path: Path) -> None:
    (step,) = workflow("run: dagster-cloud ci init --project-dir app").values()
    (tmp_path / ".git").mkdir()
    files = {f".github/workflows/{name}.yml": step for name in ("old", "new")}

    project = read(tmp_path, {**_FILES, **files})

    assert [each.workflow.path for each in inspect(project).workflows] == [
        ".github/workflows/new.yml"
    ]


def test_other_settings_are_taken_at_once(tmp_path: Path) -> None:
    project = read(tmp_path, _FILES)

    after = with_changes(project, {"pyproject.toml": settings("app/").encode()})

    assert names(after) == ["one"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("exclude = 'lab/'", "exclude is text, not a list"),
        ("exclude = ['lab/', 3]", "a pattern of exclude cannot be read: it is not text"),
        (
            "exclude = ['!']",
            "a pattern of exclude cannot be read: it is not a pattern of .gitignore",
        ),
        ("excludes = ['lab/']", "'excludes' is not a key of tool.dagstead"),
    ],
)
def test_settings_that_nobody_would_read_are_found(tmp_path: Path, text: str, found: str) -> None:
    files = {**_FILES, "pyproject.toml": f"[tool.dagstead]\n{text}\n"}

    (finding,) = check(read(tmp_path, files), [dagstead_settings])

    assert finding.found.message == found
    assert finding.position.line == 2
    assert "exclude" in finding.found.advice


def test_settings_in_a_folder_are_found_to_be_in_the_wrong_place(tmp_path: Path) -> None:
    files = {"app/pyproject.toml": settings("x"), "app/dagster_cloud.yaml": cloud("app")}

    (finding,) = check(read(tmp_path, files), [dagstead_settings])

    assert (finding.position.file, finding.position.line) == ("app/pyproject.toml", 1)


def test_a_table_must_be_one(tmp_path: Path) -> None:
    (finding,) = check(
        read(tmp_path, {"pyproject.toml": "[tool]\ndagstead = 1\n"}), [dagstead_settings]
    )

    assert finding.found.message == "tool.dagstead is a number, not a table"
