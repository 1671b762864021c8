"""``dagstead changes``: formats and exit codes, as a person or a script meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import Options, Pattern
from tests.unit.cli.conftest import Command, dagstead
from tests.unit.repository.changes.git_repositories import HOME, Repository, cloud

__all__ = ["dagstead"]


@pytest.fixture
def home(tmp_path: Path) -> Repository:
    return Repository.made(tmp_path / "r", HOME)


def test_text_has_a_line_for_each_location_and_why_one_for_each_path(
    home: Repository, dagstead: Command
) -> None:
    home.write({"etl/x.py": "1", "etl/y.py": ""})

    short = dagstead("changes", str(home.root), "--since", "HEAD")
    long = dagstead("changes", str(home.root), "--since", "HEAD", "--why")

    chain = "dagster_cloud.yaml:4 build.directory etl"
    assert short.out == f"etl: etl/x.py <- {chain} (and 1 more)\n"
    assert long.out == f"etl: etl/x.py <- {chain}\netl: etl/y.py (untracked) <- {chain}\n"
    assert short.err.startswith("Locations touched: 1 of 2. Paths changed since ")


def test_nothing_is_printed_when_nothing_is_touched(home: Repository, dagstead: Command) -> None:
    said = dagstead("changes", str(home.root), "--since", "HEAD")

    assert (said.out, said.code) == ("", 0)


def test_names_are_a_line_each(home: Repository, dagstead: Command) -> None:
    home.write({"etl/x.py": "1", "other/x.py": "1"})

    said = dagstead("changes", str(home.root), "--since", "HEAD", "--format", "names")

    assert said.out == "etl\nother\n"


def test_a_name_that_is_no_line_is_refused_where_it_would_be_one(
    tmp_path: Path, dagstead: Command
) -> None:
    files = {"dagster_cloud.yaml": 'locations: [{location_name: "a\\nb"}]\n'}
    repository = Repository.made(tmp_path, files)
    repository.write({"x": ""})

    said = dagstead("changes", str(tmp_path), "--since", "HEAD", "--format", "names")

    assert (said.out, said.code) == ("", 2)
    assert "--format json" in said.err
    text = dagstead("changes", str(tmp_path), "--since", "HEAD").out
    assert text.startswith("a\\x0ab: x (untracked)")
    assert text.count("\n") == 1


def test_json_has_every_path_and_chain(home: Repository, dagstead: Command) -> None:
    home.write({"dagster_cloud.yaml": cloud(etl="etl", new="new"), "etl/x.py": None})

    said = dagstead("changes", str(home.root), "--since", "HEAD", "--format", "json")
    report = json.loads(said.out)

    assert report["base"] == home.git("rev-parse", "HEAD")
    etl, new = report["touched"]
    assert (etl["location"], etl["kind"], etl["file"]) == (
        "etl",
        "serverless",
        "dagster_cloud.yaml",
    )
    assert etl["reasons"] == [
        {
            "paths": [{"path": "etl/x.py", "status": "D"}],
            "chain": [{"file": "dagster_cloud.yaml", "line": 4, "what": "build.directory etl"}],
        }
    ]
    assert new["reasons"][0]["chain"] == [
        {"file": "dagster_cloud.yaml", "line": 5, "what": "entry added"}
    ]
    assert report["gone"] == [{"location": "other", "file": "dagster_cloud.yaml", "line": 5}]


def test_a_file_that_is_no_utf8_survives_every_format(home: Repository, dagstead: Command) -> None:
    (home.root / b"etl/caf\xe9.py".decode("utf-8", "surrogateescape")).write_bytes(b"")

    for name in ("text", "names", "json", "github", "gitlab"):
        assert dagstead("changes", str(home.root), "--since", "HEAD", "--format", name).code == 0
    assert "etl/caf\\xe9.py" in dagstead("changes", str(home.root), "--since", "HEAD").out


def test_the_matrix_has_the_entries_of_a_generated_workflow(
    tmp_path: Path, dagstead: Command
) -> None:
    repository = Repository.made(tmp_path, {"data/" + path: text for path, text in HOME.items()})
    repository.write({"data/etl/setup.py": "", "data/other/setup.py": ""})
    repository.commit()
    repository.write({"data/other/x.py": "1"})

    said = dagstead("changes", str(tmp_path / "data"), "--since", "HEAD", "--format", "github")

    assert said.out.count("\n") == 1
    project = repository.changes(folder="data").project
    (file,) = generate(project, Options(pattern=Pattern.MATRIX))
    matrix = yaml.safe_load(file.text)["jobs"]["deploy"]["strategy"]["matrix"]
    entries = {each["location"]: each for each in matrix["include"]}
    assert json.loads(said.out) == {"include": [entries["other"]]}


def test_an_empty_matrix_is_still_one(home: Repository, dagstead: Command) -> None:
    said = dagstead("changes", str(home.root), "--since", "HEAD", "--format", "github")

    assert said.out == '{"include": []}\n'


def test_gitlab_gets_a_job_for_each_location_and_never_none(
    tmp_path: Path, dagstead: Command
) -> None:
    files = {"dagster_cloud.yaml": cloud(etl="etl").replace("etl\n", "$etl\n", 1)}
    repository = Repository.made(tmp_path, files)
    command = ("changes", str(tmp_path), "--since", "HEAD", "--format", "gitlab")

    nothing = yaml.safe_load(dagstead(*command).out)
    repository.write({"etl/x.py": "1"})
    jobs = yaml.safe_load(dagstead(*command).out)

    assert nothing["nothing to deploy"]["script"]
    assert jobs["deploy etl"]["extends"] == ".dagster-location"
    # GitLab would take the name of a variable for its value.
    assert jobs["deploy etl"]["variables"]["LOCATION"] == "$$etl"
    assert jobs["deploy etl"]["variables"]["DIRECTORY"] == "etl"


def test_a_matrix_is_made_of_locations_that_cannot_be_generated_for(
    tmp_path: Path, dagstead: Command
) -> None:
    text = "locations: [{location_name: odd, agent_queue: q}]\n"
    other = "locations: [{location_name: p, code_source: {module_name: p}}]\n"
    files = {"odd/dagster_cloud.yaml": text, "p/dagster_cloud.yaml": other}
    repository = Repository.made(tmp_path, files)
    repository.write({"odd/x.py": "", "p/x.py": ""})

    said = dagstead("changes", str(tmp_path), "--since", "HEAD", "--format", "github")

    kinds = {each["location"]: each["kind"] for each in json.loads(said.out)["include"]}
    assert kinds == {"odd": "ambiguous", "p": "serverless"}


def test_exit_codes_are_those_of_git_diff(home: Repository, dagstead: Command) -> None:
    command = ("changes", str(home.root), "--exit-code", "--since")

    assert dagstead(*command, "HEAD").code == 0
    home.write({"etl/x.py": "1"})
    assert dagstead(*command, "HEAD").code == 1
    assert dagstead(*command, "nowhere").code == 2
    assert dagstead("changes", str(home.root), "--since", "HEAD").code == 0


def test_a_location_that_is_gone_is_a_difference_but_no_job(
    home: Repository, dagstead: Command
) -> None:
    home.write({"dagster_cloud.yaml": cloud(etl="etl")})
    command = ("changes", str(home.root), "--exit-code", "--since", "HEAD")

    text = dagstead(*command)
    names = dagstead(*command, "--format", "names")

    assert (text.out, text.code) == ("other: removed, it was in dagster_cloud.yaml\n", 1)
    assert (names.out, names.code) == ("", 1)
    assert "other was removed" in names.err


def test_a_folder_that_is_not_there_is_reported(dagstead: Command) -> None:
    said = dagstead("changes", "nowhere/at/all", "--since", "HEAD")

    assert said.code == 2
    assert said.err == "error: There is no folder or file 'nowhere/at/all'.\n"


def test_failures_of_git_end_with_2(
    home: Repository, dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    said = dagstead("changes", str(home.root), "--since", "HEAD")

    assert (said.out, said.code) == ("", 2)
    assert said.err.startswith("error: There is no program `git`")


@pytest.mark.parametrize("watch", ["etl", "=x", "etl="])
def test_a_watch_must_name_location_and_pattern(
    watch: str, home: Repository, dagstead: Command
) -> None:
    said = dagstead("changes", str(home.root), "--since", "HEAD", "--watch", watch)

    assert said.code == 2
    assert "LOCATION=GLOB" in said.err


def test_a_watch_of_an_unknown_location_is_refused(home: Repository, dagstead: Command) -> None:
    said = dagstead("changes", str(home.root), "--since", "HEAD", "--watch", "elt=x/**")

    assert said.code == 2
    assert "no location 'elt'" in said.err
    assert "'etl'" in said.err
