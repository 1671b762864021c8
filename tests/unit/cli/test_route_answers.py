"""``dagstead routes``: what is said and how it ends agree, for every kind of remark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dagstead.routing.remarks import Weight
from tests.support.environments import REPOSITORY
from tests.support.ports import free_port
from tests.unit.cli.conftest import Command
from tests.unit.repository.agents.repositories import AGENT, LOCATIONS, written

IMAGE = (
    "locations: [{location_name: a, code_source: {module_name: a}, build: {registry: r.io/a}%s}]\n"
)
HYBRID = {"dagster_cloud.yaml": IMAGE % ", agent_queue: gpu"}
ON_DEFAULT = {"dagster_cloud.yaml": IMAGE % ""}
MIXED = {"dagster_cloud.yaml": LOCATIONS}
BESIDE = LOCATIONS.replace("        agent_queue: hybrid-queue\n", "")
API = "instance_class: {class: DagsterCloudAgentInstance}\ndagster_cloud_api: {%s}\n"
POOL = "agents: [{name: pool, kind: pool}, {name: eu, queues: [gpu], default_queue: false}]\n"
HELM = "helm install eu x/dagster-cloud-agent"


def agents(*entries: str) -> Mapping[str, str]:
    return {"agents.yaml": f"agents: [{', '.join(entries)}]\n"}


#: A repository for every kind of remark.
KINDS: Mapping[str, Mapping[str, str]] = {
    "unserved": {**HYBRID, **agents("{name: eu, queues: [cpu]}")},
    "unknown-agents": {**HYBRID, "up.sh": f"{HELM} -f $VALUES\n"},
    "no-agents": HYBRID,
    "stolen-by-hybrid": {**MIXED, **agents("{name: eu, queues: [hybrid-queue]}")},
    "image-on-pool": {**ON_DEFAULT, "agents.yaml": POOL},
    "image-beside-pool": {"dagster_cloud.yaml": BESIDE},
    "serverless-on-hybrid": {
        "dagster_cloud.yaml": "locations: [{location_name: a, code_source: {module_name: a}}]\n",
        **agents("{name: eu, queues: [a]}", "{name: p, kind: pool, default_queue: false}"),
    },
    "refused-by-allowed-list": {
        **HYBRID,
        **agents(
            "{name: eu, queues: [gpu]}",
            "{name: us, queues: [gpu], allowed_full_deployment_locations: {prod: [b]}}",
        ),
    },
    "unused-queue": {**HYBRID, **agents("{name: eu, queues: [gpu, gpuu, other]}")},
    "queues-ignored": {**HYBRID, "values.yaml": "dagsterCloud: {includeDefaultQueue: false}\n"},
    "agent-refused": {
        **HYBRID,
        "values.yaml": "dagsterCloud: {agentQueues: {additionalQueues: gpu}}\n",
    },
    "unreadable": {**HYBRID, "values.yaml": "dagsterCloud: [\n"},
    "unknown-value": {**HYBRID, "dagster.yaml": API % "deployment: {env: D}"},
    "values-side-by-side": {
        **HYBRID,
        "v/values.yaml": "dagsterCloud: {agentQueues: {additionalQueues: [gpu]}}\n",
        "v/values-2.yaml": "dagsterCloud: {deployment: prod}\n",
    },
    "agents-in-documents": {**HYBRID, "AGENT.md": f"```sh\n{HELM}\n```\n"},
}
#: Of agents that a control plane hears of, which the tests of ``client`` and ``routing`` have.
OF_A_CONTROL_PLANE = {"silent-agent", "default-by-name"}
ENDS = {Weight.ERROR: 1, Weight.UNKNOWN: 2, Weight.WARNING: 0, Weight.NOTE: 0}


def names_in_the_code() -> Iterator[str]:
    for folder in ("routing", "repository/agents", "client"):
        for path in (REPOSITORY / "src/dagstead" / folder).glob("*.py"):
            text = path.read_text(encoding="utf-8")
            for found in re.finditer(r"Remark\(\s*name=(?:\"([a-z-]+)\"|HINT)", text):
                yield found[1] or "agents-in-documents"


def test_every_kind_of_remark_is_tried() -> None:
    assert set(names_in_the_code()) == {*KINDS, *OF_A_CONTROL_PLANE}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_worst_word_and_the_exit_code_agree(
    kind: str,
    *,
    strict: bool,
    dagstead: Command,
    tmp_path: Path,
) -> None:
    folder = str(written(tmp_path / "r", KINDS[kind]))
    flags = ["--strict"] if strict else []

    said = dagstead("routes", folder, *flags)
    report = json.loads(dagstead("routes", folder, "--format", "json", *flags).out)

    assert kind in {each["name"] for each in report["findings"]}
    words = {each["severity"] for each in report["findings"]}
    expected = next((ENDS[each] for each in Weight if each in words), 0)
    assert said.code == expected, said
    lines = said.err.splitlines()
    assert bool(re.search(r"(?m)^(?:\S+: )*error\b", said.err)) == (said.code == 1)
    assert len(lines) == len(set(lines))
    if strict:
        assert "warning" not in words


@pytest.mark.parametrize(
    ("files", "flags", "code", "cell"),
    [
        (ON_DEFAULT, "", 0, "an agent that you run"),
        (HYBRID, "", 0, "an agent that you run"),
        (HYBRID, "--strict", 2, "an agent that you run"),
        (KINDS["unknown-agents"], "", 2, "unknown"),
        (KINDS["unknown-agents"], "--agents dagster.yaml", 0, "gpu.yaml"),
        (KINDS["unserved"], "", 1, "nobody"),
        (KINDS["agent-refused"], "", 1, "nobody"),
        ({**HYBRID, "agents.yaml": "agents: []\n"}, "", 1, "nobody"),
        (KINDS["agents-in-documents"], "--documents", 1, "nobody"),
    ],
)
def test_three_answers_and_three_ends(  # noqa: PLR0917 - a row has all of it
    files: Mapping[str, str],
    flags: str,
    code: int,
    cell: str,
    dagstead: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(written(tmp_path / "r", files))
    outside = {"dagster.yaml": AGENT.replace("[hybrid-queue]", "[gpu]")}
    written(tmp_path, outside)

    said = dagstead("routes", *flags.replace("dagster.yaml", "../dagster.yaml").split())

    assert said.code == code, said
    prod = said.out.splitlines()[1].split("\t")[3]
    assert prod == ("../dagster.yaml" if cell == "gpu.yaml" else cell)


def test_json_and_the_chart_have_the_third_answer(dagstead: Command, tmp_path: Path) -> None:
    folder = str(written(tmp_path / "r", KINDS["unknown-agents"]))

    report = json.loads(dagstead("routes", folder, "--format", "json").out)
    chart = dagstead("routes", folder, "--format", "mermaid").out
    why = dagstead("routes", folder, "--why").out

    (prod, branches) = report["routes"]
    assert (prod["served"], prod["state"], prod["possible_agents"]) == (None, "unknown", ["eu"])
    assert (branches["served"], branches["state"]) == (None, "unknown")
    (agent,) = report["agents"]
    assert agent["unknown"] == ["branch_deployments", "default_queue", "queues"]
    assert '  queue0 -. "prod, branch deployments?" .-> agent0' in chart.splitlines()
    assert "nobody" not in chart
    assert "up.sh:1 takes values from the variable $VALUES" in why


def test_the_page_of_a_location_and_the_plan_say_the_same(
    dagstead: Command, tmp_path: Path
) -> None:
    files = {**ON_DEFAULT, "Dockerfile": "FROM scratch\n"}
    folder = str(written(tmp_path / "r", files))

    page = dagstead("explain", "a", folder)
    plan = dagstead("plan", folder)
    rows = json.loads(dagstead("plan", folder, "--format", "json").out)

    assert "prod                an agent that you run" in page.out
    head, row = (line.split("\t") for line in plan.out.splitlines())
    assert row[head.index("agents")] == "an agent that you run"
    assert rows[0]["agents"] is None


def test_a_control_plane_that_does_not_answer_leaves_the_question_open(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "user:x:y")
    folder = str(written(tmp_path / "r", HYBRID))
    flags = ["--live", "--url", f"http://127.0.0.1:{free_port()}"]

    for command in (["routes", folder], ["explain", "a", folder]):
        said = dagstead(*command, *flags)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: http://127.0.0.1:")


@pytest.mark.parametrize(
    ("more", "type_"),
    [
        ("", "docker"),
        (", container_context: {docker: {networks: [n]}}", "docker"),
        (", container_context: {k8s: {namespace: n}}", "kubernetes"),
        (", container_context: {ecs: {cpu: 256}}", "ecs"),
        (", container_context: {ecs: {cpu: 256}, k8s: {namespace: n}}", "docker"),
    ],
)
def test_the_agent_to_write_down_is_one_that_the_location_is_set_up_for(
    more: str, type_: str, dagstead: Command, tmp_path: Path
) -> None:
    files = {"dagster_cloud.yaml": IMAGE % f", agent_queue: gpu{more}"}

    said = dagstead("routes", str(written(tmp_path / "r", files)))

    assert f"dagstead agent config --type {type_} --queue gpu --output agent/" in said.err


def test_what_runs_from_a_path_is_for_an_agent_on_that_machine(
    dagstead: Command, tmp_path: Path
) -> None:
    entry = "location_name: a, code_source: {module_name: a}, executable_path: /opt/a/bin/python"
    files = {"dagster_cloud.yaml": f"locations: [{{{entry}, agent_queue: gpu}}]\n"}

    said = dagstead("routes", str(written(tmp_path / "r", files)))

    assert "dagstead agent config --type local --queue gpu" in said.err


@pytest.mark.parametrize("command", ["routes", "plan", "migrate --to root"])
@pytest.mark.parametrize("file", [".github/workflows/deploy.yml", "build.yaml"])
def test_check_is_recommended_only_where_it_has_a_file_to_look_at(
    command: str, file: str, dagstead: Command, tmp_path: Path
) -> None:
    folder = written(tmp_path / "r", {file: "name: nothing\n"})

    without = dagstead(*command.split(), str(folder))
    (folder / "dagster_cloud.yaml").write_text("location_name: a\n", encoding="utf-8")
    wrong = dagstead(*command.split(), str(folder))

    assert (without.code, wrong.code) == (2, 2)
    assert "No dagster_cloud.yaml and no dg project is there." in without.err
    assert "`dagstead check`" not in without.err
    assert "`dagstead check` shows whether its files are wrong." in wrong.err
