"""Commands of the repository in a folder below its configuration: they agree on what is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.environments import REPOSITORY
from tests.unit.cli.conftest import Command
from tests.unit.repository.agents.repositories import written

ROOT = {
    "dagster_cloud.yaml": (REPOSITORY / "examples/monorepo/dagster_cloud.yaml").read_text("utf-8"),
    "weather/src/weather/__init__.py": "",
    "weather/pyproject.toml": (REPOSITORY / "examples/monorepo/weather/pyproject.toml").read_text(
        "utf-8"
    ),
    "weather/dagster_cloud.yaml": (
        REPOSITORY / "examples/monorepo/weather/dagster_cloud.yaml"
    ).read_text("utf-8"),
    "digits/Dockerfile": "FROM scratch",
}
COMMANDS = ["routes", "plan", "build", "explain weather", "workflow generate --check"]


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Path:
    folder = written(tmp_path / "repository", ROOT)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@pytest.mark.parametrize("command", [*COMMANDS, "check"])
@pytest.mark.parametrize(
    ("folder", "above"), [("weather/src/weather", "'../..'"), ("digits", "'..'")]
)
def test_a_folder_without_locations_leads_to_the_nearest_that_has_some(
    dagstead: Command,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    folder: str,
    above: str,
) -> None:
    monkeypatch.chdir(repository / folder)

    said = dagstead(*command.split())

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(("error: There are no code loc", "error: There is no Dagster conf"))
    path = above.strip("'")
    assert said.err.endswith(f" {above} has some: name it, as in `dagstead check {path}`.\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_outside_of_a_repository_nothing_is_looked_for_above(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(written(tmp_path, {**ROOT, "empty/note": ""}) / "empty")

    said = dagstead(*command.split())

    assert said.code == 2
    assert "Name the folder of your repository that has one." in said.err


def test_a_folder_with_its_own_file_is_taken_alone(
    dagstead: Command, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "weather")

    routes = json.loads(dagstead("routes", "--format", "json").out)["routes"]
    plan = json.loads(dagstead("plan", "--format", "json").out)
    elsewhere = dagstead("explain", "digits")

    assert {each["location"] for each in routes} == {"weather"}
    assert [each["location"] for each in plan] == ["weather"]
    assert dagstead("check").code == 0
    assert (elsewhere.code, "There is no location 'digits'" in elsewhere.err) == (2, True)
