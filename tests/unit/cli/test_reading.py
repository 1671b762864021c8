"""What commands of the repository say when they cannot know its locations."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.repository.agents.repositories import written

_COMMANDS = ["routes", "plan", "build", "workflow generate --check"]
_ENTRY = "locations:\n  - location_name: {0}\n    code_source: {{module_name: {0}}}\n"


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "bakery/dagster_cloud.yaml": _ENTRY.format("bakery"),
        "bakery/requirements.txt": "dagster\ndagster-cloud\n",
        "mill/dagster_cloud.yaml": "locations:\n  - location_name: mill\n   image: mill:1\n",
        "plain/workspace.yaml": "load_from: [{python_file: plain.py}]\n",
    }
    monkeypatch.chdir(written(tmp_path, files))


@pytest.mark.parametrize("command", [*_COMMANDS, "explain mill", "routes --location mill"])
def test_no_command_goes_on_without_the_locations_of_an_unreadable_file(
    dagstead: Command, command: str
) -> None:
    said = dagstead(*command.split())

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: mill/dagster_cloud.yaml:3:4 cannot be read: ")
    assert said.err.endswith("`dagstead check` shows everything that is wrong.\n")


@pytest.mark.parametrize("command", ["explain bakery", "plan --location bakery"])
def test_an_unreadable_file_is_in_nobodys_way_who_names_other_locations(
    dagstead: Command, command: str
) -> None:
    said = dagstead(*command.split())

    assert said.code == 0, said.err
    assert "bakery" in said.out


@pytest.mark.parametrize("command", ["check plain", "plan plain", "migrate plain --to root"])
def test_a_workspace_of_open_source_dagster_leads_on(dagstead: Command, command: str) -> None:
    said = dagstead(*command.split())

    assert said.code == 2
    assert "Write dagster_cloud.yaml beside it" in said.err


@pytest.mark.parametrize("command", ["routes", "plan --location rye", "explain rye"])
def test_a_location_that_is_defined_twice_is_refused(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    twice = _ENTRY.format("rye") + _ENTRY.format("rye").removeprefix("locations:\n")
    monkeypatch.chdir(written(tmp_path / "twice", {"dagster_cloud.yaml": twice}))

    said = dagstead(*command.split())

    assert said.code == 2
    assert said.err.startswith(
        "error: dagster_cloud.yaml:4:20 defines 'rye' again, after dagster_cloud.yaml:2:20"
    )


@pytest.mark.parametrize("command", ["check", "plan"])
def test_what_a_pex_file_cannot_be_made_from_is_said_with_its_place(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    malformed = "[project]\nname = rye\n"
    files = {"dagster_cloud.yaml": _ENTRY.format("rye"), "pyproject.toml": malformed}
    monkeypatch.chdir(written(tmp_path / "malformed", files))

    said = dagstead(command)

    assert said.code == {"check": 1, "plan": 2}[command]
    assert "pyproject.toml:2:8" in said.out + said.err
    assert "DS260 this is not TOML, and 'rye' is built from it: " in said.out + said.err
