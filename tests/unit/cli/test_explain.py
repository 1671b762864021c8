"""``dagstead explain``: one page that has all of a location."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dagstead.cli.completing import complete_location
from tests.support.environments import REPOSITORY
from tests.unit.cli.conftest import Command

OF_DIGITS = ("--set", "dagsterCloud.agentQueues.additionalQueues[0]=hybrid-queue")
JSON = ("--format", "json")
ALONE = ("--set", "dagsterCloud.agentQueues.includeDefaultQueue=false")


@pytest.fixture
def monorepo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dagstead: Command) -> Path:
    """The current folder: the example in a git repository of its own, with workflows."""
    folder = tmp_path / "monorepo"
    shutil.copytree(REPOSITORY / "examples/monorepo", folder)
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    monkeypatch.chdir(folder)
    assert dagstead("workflow", "generate").code == 0
    return folder


@pytest.mark.usefixtures("monorepo")
def test_the_page_has_every_section(dagstead: Command) -> None:
    said = dagstead("explain", "digits", *OF_DIGITS, *ALONE)

    assert said.code == 0, said
    sections = [line for line in said.out.splitlines() if line and not line.startswith(" ")]
    assert sections == [
        "digits",
        "How it is built",
        "Who runs it",
        "What builds and deploys it",
        "What it is made from",
        "What is wrong",
    ]
    text = " ".join(said.out.split())
    for part in (
        "defined dagster_cloud.yaml:13:20",
        "kind hybrid: build.registry is 'registry.example.com/digits'",
        "code module_name digits.definitions",
        "queue hybrid-queue (dagster_cloud.yaml:19:18)",
        "strategy docker",
        "prod Helm branch deployments nobody not Helm: it serves no branch deployments",
        ".github/workflows/dagster-deploy.yml",
        "on push to main",
        "digits/ <- dagster_cloud.yaml:17 build.directory ./digits",
        " nobody will run digits in branch deployments",
    ):
        assert part in text
    assert "\x1b" not in said.out


@pytest.mark.usefixtures("monorepo")
def test_json_has_the_same(dagstead: Command) -> None:
    page = json.loads(dagstead("explain", "weather", "--format", "json").out)

    assert (page["location"], page["kind"], page["queue"]) == ("weather", "serverless", None)
    assert page["build"]["strategy"] == "pex"
    assert page["build_problem"] is None
    assert [each["served"] for each in page["routes"]] == [True, True]
    assert page["workflows"][0]["workflow"] == ".github/workflows/dagster-deploy.yml"
    assert page["made_from"][0]["path"] == "weather/"
    assert [each["name"] for each in page["findings"]] == []


def test_what_cannot_be_built_is_explained_all_the_same(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "locations:\n  - {location_name: etl, agent_queue: default, code_source: {}}\n"
    (tmp_path / "dagster_cloud.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    said = dagstead("explain", "etl")

    assert said.code == 0, said
    assert "it cannot be built: " in said.out
    assert "nothing says where its definitions are" in said.out
    assert "DS210" in said.out
    assert "an agent that you run" in said.out


@pytest.mark.usefixtures("monorepo")
def test_a_branch_that_is_asked_for_matters_as_much_as_in_routes(dagstead: Command) -> None:
    page = json.loads(dagstead("explain", "digits", "--branch", *OF_DIGITS, *JSON).out)
    routes = dagstead("routes", "--location", "digits", "--branch", *OF_DIGITS)

    (unserved,) = (each for each in page["findings"] if each["name"] == "unserved")
    assert routes.code == 1
    assert f"error: {unserved['text']}" in routes.err
    assert unserved["severity"] == "error"


@pytest.mark.usefixtures("monorepo")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("explain wether", "There is no location 'wether'. Did you mean 'weather'?"),
        ("explain weather nowhere", "There is no folder or file 'nowhere'"),
    ],
)
def test_a_mistake_is_reported(dagstead: Command, arguments: str, sentence: str) -> None:
    said = dagstead(*arguments.split())
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


@pytest.mark.usefixtures("monorepo")
def test_a_shell_is_offered_the_locations_of_the_folder() -> None:
    assert complete_location("") == ["digits", "weather"]
    assert complete_location("we") == ["weather"]


def test_a_shell_is_offered_nothing_where_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete_location("") == []
