"""``dagstead routes``: exit codes, formats, what is said beside the table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.environments import REPOSITORY
from tests.unit.cli.conftest import Command
from tests.unit.repository.agents.repositories import AGENT, LOCATIONS, written

POOL_AND_EU = {"dagster_cloud.yaml": LOCATIONS, "agent/dagster.yaml": AGENT}


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a repository whose locations all have their agent."""
    folder = written(tmp_path / "repository", POOL_AND_EU)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("served")
def test_a_table_is_lines_with_tabs_in_a_pipe(dagstead: Command) -> None:
    said = dagstead("routes")

    assert said.out.splitlines() == [
        "location\tkind\tqueue\tprod\tbranch deployments",
        "weather\tserverless\t(default queue)\tmanaged pool\tmanaged pool",
        "digits\thybrid\thybrid-queue\tagent/dagster.yaml\tnobody",
    ]
    assert said.code == 0
    (line,) = said.err.splitlines()
    assert "warning: nobody will run digits in branch deployments" in line


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("", 0),
        ("--strict", 1),
        ("--strict --location weather", 0),
        ("--deployment prod", 0),
        ("--deployment staging", 1),
        ("--deployment staging --location weather", 0),
        ("--branch", 1),
        ("--branch --location weather", 0),
        ("--no-pool", 1),
        ("--agents agent/dagster.yaml", 0),
        ("--set dagsterCloud.deployment=prod", 0),
        ("--live", 2),
        ("--live --url ftp://plane.test", 2),
        ("--live --no-pool --url http://plane.test", 2),
        ("--set dagsterCloud", 2),
        ("--agents dagster_cloud.yaml", 2),
        ("--agents nowhere.yaml", 2),
        ("--location wether", 2),
        ("nowhere", 2),
        ("agent", 2),
    ],
)
def test_exit_codes(dagstead: Command, arguments: str, code: int) -> None:
    said = dagstead("routes", *arguments.split())

    assert said.code == code, said
    assert "Traceback" not in said.err
    if code == 2:
        assert said.err.startswith("error: ")
        assert said.out == ""


@pytest.mark.usefixtures("served")
def test_why_gives_each_agent_a_row(dagstead: Command) -> None:
    said = dagstead("routes", "--why", "--location", "digits", "--deployment", "prod")

    rows = [line.split("\t") for line in said.out.splitlines()]
    assert rows[0] == ["location", "queue", "deployment", "agent", "runs", "because"]
    assert [row[3:] for row in rows[1:]] == [
        ["agent/dagster.yaml", "yes", "it serves hybrid-queue"],
    ]


def test_json_has_agents_routes_and_findings_with_places(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "repository", POOL_AND_EU)
    monkeypatch.chdir(tmp_path)

    report = json.loads(dagstead("routes", "repository", "--format", "json").out)

    agents = {each["name"]: each for each in report["agents"]}
    assert agents["managed pool"]["queues"] == [None]
    assert agents["agent/dagster.yaml"]["file"] == "repository/agent/dagster.yaml"
    route = next(each for each in report["routes"] if each["location"] == "digits")
    assert (route["queue"], route["deployment"], route["served"]) == ("hybrid-queue", "prod", True)
    assert (route["state"], route["possible_agents"]) == ("served", [])
    of_weather = next(each for each in report["routes"] if each["location"] == "weather")
    assert of_weather["refusals"][0]["reasons"] == ["default queue off"]
    assert (route["file"], route["line"]) == ("repository/dagster_cloud.yaml", 7)
    assert {each["severity"] for each in report["findings"]} == {"warning"}


def test_where_no_agent_is_known_nothing_is_wrong(dagstead: Command) -> None:
    example = str(REPOSITORY / "examples/monorepo")

    said = dagstead("routes", example)

    assert said.code == 0
    assert [line.split("\t")[3:] for line in said.out.splitlines()[1:]] == [
        ["managed pool", "managed pool"],
        ["an agent that you run", "an agent that you run"],
    ]
    assert said.err.splitlines() == [
        "No file here configures an agent, so nothing says who serves hybrid-queue.",
        "  ask the control plane   dagstead routes --live",
        (
            "  write it down           dagstead agent config --type docker --queue hybrid-queue "
            "--output agent/"
        ),
    ]
    strict = dagstead("routes", example, "--strict", "--format", "mermaid")
    assert strict.code == 2
    assert '  unknown["an agent that you run"]' in strict.out.splitlines()
    assert strict.err.startswith("unknown: no file here configures an agent")
    served = "--set dagsterCloud.agentQueues.additionalQueues[0]=hybrid-queue"
    off = "--set dagsterCloud.agentQueues.includeDefaultQueue=false"
    said = dagstead("routes", example, *served.split(), *off.split())
    assert said.code == 0
    assert "error" not in said.err


def test_a_named_file_may_name_those_beside_it(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "repository", {"dagster_cloud.yaml": LOCATIONS})
    elsewhere = {
        "agents/dagster.yaml": AGENT,
        "agents/compose.yaml": """
            services:
              eu:
                image: dagster/dagster-cloud-agent
                volumes: [./dagster.yaml:/opt/dagster/app/dagster.yaml]
                environment: {DAGSTER_CLOUD_AGENT_QUEUES: gpu}
            """,
        "agents/install.sh": "helm install us x/dagster-cloud-agent -f agents/values.yaml\n",
        "agents/values.yaml": "dagsterCloud: {agentQueues: {additionalQueues: [hybrid-queue]}}\n",
    }
    written(tmp_path, elsewhere)
    monkeypatch.chdir(tmp_path)

    named = ("--agents", "agents/compose.yaml", "--agents", "agents/install.sh")
    said = dagstead("routes", "repository", *named, "--deployment", "prod", "--location", "digits")

    assert said.out.splitlines()[1].split("\t")[3] == "eu, us"
    places = [line.split(" ")[0] for line in said.err.splitlines()]
    assert places == ["agents/compose.yaml:5:19:"]


@pytest.mark.usefixtures("served")
def test_one_location_alone_has_only_its_own_remarks(dagstead: Command) -> None:
    said = dagstead("routes", "--location", "weather", "--deployment", "prod")

    assert "hybrid-queue" not in said.out + said.err
    assert "hybrid-queue" in dagstead("routes", "--location", "digits").out
