"""``dagstead plan`` and the flags that it shares with build and deploy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.build_site import Repository
from tests.support.git import commit_all
from tests.unit.cli.conftest import Command

FILES = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: weather
            code_source: {module_name: weather}
            build: {directory: weather}
          - location_name: "digits: all"
            code_source: {module_name: digits}
            build: {directory: digits, registry: registry.example.com/digits}
            agent_queue: gpu
    """,
    "weather/weather.py": "",
    "weather/requirements.txt": "dagster-cloud\n",
    "digits/requirements.txt": "dagster\ndagster-cloud\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(root=tmp_path / "repository")
    made.write(FILES)
    return made


def test_a_table_has_strategies_and_reasons(dagstead: Command, repository: Repository) -> None:
    said = dagstead("plan", str(repository.root))

    head, weather, digits = (line.split("\t") for line in said.out.splitlines())
    assert said.code == 0
    assert head[:3] == ["location", "strategy", "folder"]
    assert weather[:3] == ["weather", "pex", "weather"]
    assert weather[head.index("agents")] == "managed pool"
    assert digits[head.index("queue")] == "gpu"
    assert "one is generated" in digits[head.index("reason")]


def test_json_has_everything_for_programs(dagstead: Command, repository: Repository) -> None:
    rows = json.loads(dagstead("plan", str(repository.root), "--format", "json").out)

    weather, digits = rows
    assert weather["image"] is None
    assert weather["agents"] == ["managed pool"]
    assert digits["image"].startswith("registry.example.com/digits:digits-all-")
    assert digits["cache_key"][:8] in digits["image"]


def test_github_gets_a_matrix_in_one_line(dagstead: Command, repository: Repository) -> None:
    said = dagstead("plan", str(repository.root), "--format", "github")

    (line,) = said.out.splitlines()
    entries = json.loads(line)["include"]
    assert [each["location"] for each in entries] == ["weather", "digits: all"]
    assert all(isinstance(value, str) for each in entries for value in each.values())


def test_gitlab_gets_a_job_for_a_child_pipeline(dagstead: Command, repository: Repository) -> None:
    said = dagstead("plan", str(repository.root), "--format", "gitlab")

    matrix = yaml.safe_load(said.out)[".dagstead-locations"]["parallel"]["matrix"]
    assert [each["LOCATION"] for each in matrix] == ["weather", "digits: all"]


def test_only_what_has_changed_is_planned(dagstead: Command, repository: Repository) -> None:
    commit_all(repository.root)
    repository.write({"weather/weather.py": "changed = True\n"})

    changed = dagstead("plan", str(repository.root), "--since", "HEAD", "--format", "github")
    repository.write({"weather/weather.py": ""})
    same = dagstead("plan", str(repository.root), "--since", "HEAD", "--format", "github")

    assert [each["location"] for each in json.loads(changed.out)["include"]] == ["weather"]
    assert "weather: " in changed.err
    assert json.loads(same.out) == {"include": []}


def test_generated_dockerfiles_are_shown(dagstead: Command, repository: Repository) -> None:
    for command in ("plan", "build"):
        said = dagstead(command, str(repository.root), "--show-dockerfile")

        assert said.out.startswith("# Dockerfile of digits: all\nFROM python:3.")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--strategy", "weather"), "--strategy 'weather' is not of the form LOCATION="),
        (("--strategy", "weather=podman"), "'podman' is not one of pex, docker, prebuilt"),
        (("--image", "=v1"), "is not of the form LOCATION="),
        (("--location", "wether"), "Did you mean 'weather'?"),
        (("--python", "2.7"), "--python '2.7' is not one of"),
    ],
)
def test_mistakes_end_with_2_and_a_sentence(
    dagstead: Command, repository: Repository, flags: tuple[str, ...], sentence: str
) -> None:
    said = dagstead("plan", str(repository.root), *flags)

    assert said.code == 2
    assert sentence in said.err
    assert said.out == ""


def test_a_location_that_cannot_be_built_hides_no_other(
    dagstead: Command, repository: Repository
) -> None:
    repository.write(
        {
            "digits/pyproject.toml": '[project]\nname = "d"\nrequires-python = "<3.9"\n',
            "dagster_cloud.yaml": FILES["dagster_cloud.yaml"].replace(
                "directory: weather", "directory: gone"
            ),
        }
    )

    said = dagstead("plan", str(repository.root), "--format", "json")

    rows = {row["location"]: row for row in json.loads(said.out)}
    assert said.code == 2
    assert "weather: there is no folder 'gone' to build" in said.err
    assert rows["weather"]["problem"].startswith("weather: there is no folder 'gone' to build.")
    assert rows["weather"]["strategy"] is None
    assert {*rows["weather"]} == {*rows["digits: all"]}
    assert "No Python from" in rows["digits: all"]["problem"]


def test_a_registry_that_is_none_hides_no_other(dagstead: Command, repository: Repository) -> None:
    written = FILES["dagster_cloud.yaml"]
    repository.write({"dagster_cloud.yaml": written.replace("com/digits}", "com/digits:v1}")})

    said = dagstead("plan", str(repository.root), "--format", "github")

    assert [each["location"] for each in json.loads(said.out)["include"]] == ["weather"]
    assert said.code == 2
    assert "DS230" in said.err


def test_no_path_of_this_machine_is_in_a_plan(
    dagstead: Command, repository: Repository, tmp_path: Path
) -> None:
    other = tmp_path / "Elsewhere"
    other.write_text("FROM scratch\n", encoding="utf-8")
    repository.write({"digits/Dockerfile": "FROM scratch\n"})

    own = dagstead("plan", str(repository.root), "--format", "json").out
    named = ("--dockerfile", f"digits: all={other}")
    elsewhere = dagstead("plan", str(repository.root), "--format", "json", *named).out

    assert json.loads(own)[1]["dockerfile"] == "digits/Dockerfile"
    assert json.loads(elsewhere)[1]["dockerfile"] == "../Elsewhere"
    assert str(tmp_path) not in own + elsewhere


@pytest.mark.parametrize("command", ["plan", "build", "deploy"])
def test_a_commit_that_is_empty_is_not_every_location(
    dagstead: Command, repository: Repository, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As a variable of CI is that was never set."""
    commit_all(repository.root)
    monkeypatch.setenv("DAGSTER_CLOUD_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "user:none")

    said = dagstead(command, str(repository.root), "--since", "")

    assert said.code == 2
    assert "--since is empty" in said.err
