"""Agents from Helm values and commands are what the charts make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.model.agents import Setting
from dagstead.repository.agents.discovery import agent_of_sets, find_agents
from tests.unit.repository.agents.repositories import (
    AGENT,
    found_in,
    only,
    repository,
    said,
    starting,
)

INSTALL = "helm upgrade --install eu dagster-cloud/dagster-cloud-agent"


@pytest.mark.parametrize(
    ("values", "queues", "remarks"),
    [
        ("agentQueues: {additionalQueues: [gpu]}", {"gpu", None}, []),
        ("agentQueues: {includeDefaultQueue: false, additionalQueues: [gpu]}", {"gpu"}, []),
        ("agentQueues: {queues: [gpu]}", {None}, ["error queues-ignored"]),
        ("includeDefaultQueue: false", {None}, ["error queues-ignored"]),
        ("agentQueues: {includeDefaultQueue: 'no'}", None, ["error agent-refused"]),
        ("agentQueues: [gpu]", None, ["error agent-refused"]),
    ],
)
def test_helm_values_as_the_chart_takes_them(
    tmp_path: Path, values: str, queues: set[str | None] | None, remarks: list[str]
) -> None:
    found = found_in(tmp_path, values_yaml=f"dagsterCloud:\n  deployment: prod\n  {values}\n")

    assert [each.queues for each in starting(found)] == ([] if queues is None else [queues])
    assert said(found) == remarks


def test_values_of_a_subchart_and_of_several_files(tmp_path: Path) -> None:
    chart = "dagsterCloud: {deployment: prod, agentLabel: %s}\n"
    found = found_in(
        tmp_path,
        values_yaml="agent:\n  " + chart % "below",
        values__values_yaml=chart % "a",
        values__values2_yaml=chart % "b",
    )

    assert sorted(each.name for each in found.agents) == ["a", "b", "below"]
    assert said(found) == ["note values-side-by-side"]
    assert "--agents values/values.yaml,values/values2.yaml" in found.remarks[0].advice


@pytest.mark.parametrize(
    ("flags", "queues"),
    [
        ("--set dagsterCloud.agentQueues.additionalQueues[0]=gpu", {"gpu", None}),
        ("--set 'dagsterCloud.agentQueues.additionalQueues={gpu,eu}'", {"gpu", "eu", None}),
        ("--set dagsterCloud.agentQueues.includeDefaultQueue=false", set()),
        ("""--set-json 'dagsterCloud.agentQueues={"additionalQueues": ["gpu"]}'""", {"gpu", None}),
        ("--set-string dagsterCloud.agentQueues.additionalQueues[0]=7", {"7", None}),
        ("--set dagsterCloud.agentQueues.additionalQueues[0]=$QUEUE", {None}),
        ("--set dagsterCloud.agentQueues.includeDefaultQueue=${{ vars.DEFAULT }}", set()),
        ("--set dagsterCloud.agentQueues[0]=gpu", None),
        ("--set-string dagsterCloud.agentQueues.includeDefaultQueue=false", None),
        ("--set dagsterCloud.agentQueues.additionalQueues[0]=7", None),
        ("--set dagsterCloud.agentQueues", None),
    ],
)
def test_flags_of_a_command_as_helm_takes_them(
    tmp_path: Path, flags: str, queues: set[str | None] | None
) -> None:
    command = f"{INSTALL} \\\n  --set dagsterCloud.deployment=prod \\\n  {flags} && echo done\n"

    found = found_in(tmp_path, install_sh=command)

    assert [each.queues for each in starting(found)] == ([] if queues is None else [queues])
    if queues is None:
        assert said(found)[-1] == "error agent-refused"


@pytest.mark.parametrize(
    ("flags", "queues"),
    [
        ("dagsterCloud.agentQueues[0]=gpu", {"gpu", None}),
        ("dagsterCloud.agentQueues={gpu},dagsterCloud.includeDefaultQueue=false", {"gpu"}),
        ("dagsterCloud.agentQueues.additionalQueues={gpu}", {"gpu", None}),
        (
            (
                "dagsterCloud.includeDefaultQueue=true,"
                "dagsterCloud.agentQueues.includeDefaultQueue=false"
            ),
            None,
        ),
    ],
)
def test_the_chart_of_this_project_takes_the_spellings_that_people_copy(
    tmp_path: Path, flags: str, queues: set[str | None] | None
) -> None:
    command = f"helm install eu charts/dagstead-agent --set dagsterCloud.deployment=prod,{flags}"

    found = found_in(tmp_path, install_sh=command)

    assert [each.queues for each in starting(found)] == ([] if queues is None else [queues])


def test_values_beside_the_agents_own_chart_install_nothing(tmp_path: Path) -> None:
    files = {
        "charts/agent/Chart.yaml": "apiVersion: v2\nname: dagster-cloud-agent\n",
        "charts/agent/values.yaml": "dagsterCloud: {deployment: ''}\n",
    }
    assert find_agents(repository(tmp_path, files)).agents == ()


def test_a_command_lays_values_files_and_flags_over_each_other(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        deploy__common_yaml="image: {tag: '1'}\n",
        deploy__values_yaml="dagsterCloud: {deployment: prod, branchDeployments: true}\n",
        deploy__values2_yaml="dagsterCloud: {agentQueues: {additionalQueues: [eu]}}\n",
        deploy__install_sh=f"{INSTALL} -f deploy/common.yaml,deploy/values.yaml "
        "--values=$D/values2.yaml,nope.yaml "
        "--set-string dagsterCloud.agentLabel=7 --wait\n",
    )

    agent = only(found)
    assert (agent.name, agent.queues, agent.deployments) == ("7", {"eu"}, {"prod"})
    assert agent.branch_deployments
    assert said(found) == []
    assert agent.unknown == frozenset(Setting)
    assert "the values file 'nope.yaml', which is not in the repository" in agent.unknown_because
    assert agent.position is not None
    assert (agent.position.file, agent.position.line) == ("deploy/install.sh", 1)


@pytest.mark.parametrize("path", ["Makefile", ".github/workflows/agent.yml", "scripts/install.sh"])
def test_commands_are_found_where_people_keep_them(tmp_path: Path, path: str) -> None:
    text = f"on: push\nx: |\n\t{INSTALL} \\\n\t --set dagsterCloud.deployment=prod\n"

    found = find_agents(repository(tmp_path, {path: text}))

    assert only(found).name == "eu"
    assert said(found) == []


def test_a_document_counts_only_where_nothing_else_defines_an_agent(tmp_path: Path) -> None:
    found = found_in(tmp_path, README_md=f"{INSTALL}\n", dagster_yaml=AGENT)
    assert only(found).name == "dagster.yaml"


def test_an_agent_in_a_script_and_a_workflow_is_one(tmp_path: Path) -> None:
    line = f"{INSTALL} --set dagsterCloud.deployment=prod\n"
    found = find_agents(repository(tmp_path, {"a.sh": line, "b.sh": line}))
    assert len(found.agents) == 1


@pytest.mark.parametrize(
    "line",
    [
        f"# {INSTALL}",
        "helm upgrade --install other charts/other",
        "helm repo add dagster-cloud https://charts.example.com/dagster-cloud-agent",
    ],
)
def test_what_is_no_command_for_the_agent_makes_none(tmp_path: Path, line: str) -> None:
    assert found_in(tmp_path, install_sh=line).agents == ()


def test_flags_of_ours_are_laid_over_those_of_a_command(tmp_path: Path) -> None:
    line = f"{INSTALL} --set dagsterCloud.deployment=prod\n"
    project = repository(tmp_path, {"install.sh": line})

    found = find_agents(project, ["dagsterCloud.agentQueues.additionalQueues[0]=gpu"])

    assert only(found).queues == {"gpu", None}


def test_flags_alone_are_the_charts_defaults_changed() -> None:
    assert only(agent_of_sets(["dagsterCloud.deployment=prod"])).queues == {None}
    with pytest.raises(InvalidInputError, match="not of the form key=value"):
        agent_of_sets(["dagsterCloud"])
