"""Agents from files are what the official software makes of them, mistakes included."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.routing.agents import Agent, AgentKind
from dagstead.routing.files.finding import agent_of_sets, find_agents, named_agents
from dagstead.routing.files.settings import Found
from tests.unit.routing.repositories import AGENT, repository

INSTALL = "helm upgrade --install eu dagster-cloud/dagster-cloud-agent"


def found_in(folder: Path, **files: str) -> Found:
    """``name_yaml`` is the file ``name.yaml``."""
    named = {path.replace("__", "/").replace("_", "."): text for path, text in files.items()}
    return find_agents(repository(folder, named))


def only(found: Found) -> Agent:
    (agent,) = found.agents
    return agent


def said(found: Found) -> list[str]:
    return [f"{each.weight} {each.name}" for each in found.remarks]


def test_an_agents_file(tmp_path: Path) -> None:
    agent = only(found_in(tmp_path, dagster_yaml=AGENT))

    assert (agent.name, agent.kind, agent.launcher) == ("dagster.yaml", AgentKind.HYBRID, "Docker")
    assert (agent.queues, agent.deployments) == ({"hybrid-queue"}, {"prod"})
    assert not agent.branch_deployments
    assert agent.position is not None
    assert agent.position.file == "dagster.yaml"


@pytest.mark.parametrize(
    ("old", "new", "queues"),
    [
        ("  include_default_queue: false\n", "", {"hybrid-queue", None}),
        ("  additional_queues: [hybrid-queue]\n", "", set()),
        ("[hybrid-queue]", "['', default]", {"", "default"}),
        ("agent_queues:", "instance:\n  agent_queues:", {None}),
        ("false\n", "true\n", {"hybrid-queue", None}),
    ],
)
def test_the_queues_are_those_that_the_agent_asks_for(
    tmp_path: Path, old: str, new: str, queues: set[str | None]
) -> None:
    text = AGENT.replace("\n    ", "\n")
    assert old in text
    if "instance" in new:
        text = text.replace("\n  include_def", "\n    include_def").replace(
            "\n  additional", "\n    additional"
        )

    found = found_in(tmp_path, dagster_yaml=text.replace(old, new))

    assert only(found).queues == queues


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("false\n", "'false'\n", "include_default_queue is text, not true or false"),
        ("[hybrid-queue]", "hybrid-queue", "additional_queues is text, not a list"),
        ("[hybrid-queue]", "[7]", "an item of additional_queues is a number, not text"),
        ("additional_queues", "queues", "agent_queues has no key 'queues'"),
        ("deployment: prod", "deployment: prod\n  deployments: [a]", "deployment and deployments"),
    ],
)
def test_an_agent_that_would_not_start_is_none(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = AGENT.replace("\n    ", "\n")
    assert old in text

    found = found_in(tmp_path, dagster_yaml=text.replace(old, new))

    assert found.agents == ()
    (remark,) = found.remarks
    assert remark.name == "agent-refused"
    assert says in remark.message
    assert "the agent does not start" in remark.message
    assert remark.position is not None


@pytest.mark.parametrize(
    ("written", "expected", "remark"),
    [
        ("deployments: [a, b]", ({"a", "b"}, False), []),
        ("branch_deployments: true", (set(), True), []),
        ("retries: 3", (None, False), ["note no-deployment"]),
        ("deployments: [{env: D}]", (None, False), ["note unknown-value"]),
        ("deployment: a\n  branch_deployments: {env: B}", ({"a"}, False), ["note unknown-value"]),
    ],
)
def test_the_deployments_of_an_agent(
    tmp_path: Path, written: str, expected: tuple[set[str] | None, bool], remark: list[str]
) -> None:
    text = AGENT.replace("\n    ", "\n").replace("deployment: prod", written)

    found = found_in(tmp_path, dagster_yaml=text)

    agent = only(found)
    assert (agent.deployments, agent.branch_deployments) == expected
    assert said(found) == remark


def test_allowed_lists_and_a_label(tmp_path: Path) -> None:
    text = (
        AGENT.replace("deployment: prod", "deployment: prod\n      agent_label: eu")
        + """
    allowed_full_deployment_locations: {prod: [digits]}
    allowed_branch_deployment_locations: []
    """
    )
    agent = only(found_in(tmp_path, dagster_yaml=text))

    assert agent.name == "eu"
    assert agent.allowed_full == {"prod": {"digits"}}
    assert agent.allowed_branch == frozenset()


def test_the_pools_own_file_is_the_pool(tmp_path: Path) -> None:
    text = AGENT.replace("DockerUserCodeLauncher", "PexUserCodeLauncher")
    assert only(found_in(tmp_path, dagster_yaml=text)).kind is AgentKind.POOL


@pytest.mark.parametrize(
    ("values", "queues", "remarks"),
    [
        ("agentQueues: {additionalQueues: [gpu]}", {"gpu", None}, []),
        ("agentQueues: {includeDefaultQueue: false, additionalQueues: [gpu]}", {"gpu"}, []),
        ("agentQueues: {queues: [gpu]}", {None}, ["warning queues-ignored"]),
        ("includeDefaultQueue: false", {None}, ["warning queues-ignored"]),
        ("agentQueues: {includeDefaultQueue: 'no'}", None, ["error agent-refused"]),
        ("agentQueues: [gpu]", None, ["error agent-refused"]),
    ],
)
def test_helm_values_as_the_chart_takes_them(
    tmp_path: Path, values: str, queues: set[str | None] | None, remarks: list[str]
) -> None:
    found = found_in(tmp_path, values_yaml=f"dagsterCloud:\n  deployment: prod\n  {values}\n")

    assert [each.queues for each in found.agents] == ([] if queues is None else [queues])
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

    assert [each.queues for each in found.agents] == ([] if queues is None else [queues])
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

    assert [each.queues for each in found.agents] == ([] if queues is None else [queues])


def test_values_beside_the_agents_own_chart_install_nothing(tmp_path: Path) -> None:
    files = {
        "charts/agent/Chart.yaml": "apiVersion: v2\nname: dagster-cloud-agent\n",
        "charts/agent/values.yaml": "dagsterCloud: {deployment: ''}\n",
    }
    assert find_agents(repository(tmp_path, files)).agents == ()


def test_an_agents_file_under_the_name_of_another_is_one(tmp_path: Path) -> None:
    assert found_in(tmp_path, **{"dagster-cloud_yaml": AGENT}).agents


def test_a_command_lays_values_files_and_flags_over_each_other(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        deploy__base_yaml="dagsterCloud: {agentQueues: {additionalQueues: [old], x: 1}}\n",
        deploy__values_yaml="dagsterCloud: {deployment: prod, branchDeployments: true}\n",
        deploy__values2_yaml="dagsterCloud: {agentQueues: {additionalQueues: [eu]}}\n",
        deploy__install_sh=f"{INSTALL} -f deploy/values.yaml --values=$D/values2.yaml,nope.yaml "
        "--set-string dagsterCloud.agentLabel=7 --wait\n",
    )

    agent = only(found)
    assert (agent.name, agent.queues, agent.deployments) == ("7", {"eu", None}, {"prod"})
    assert agent.branch_deployments
    assert said(found) == ["note unknown-values"]
    assert agent.position is not None
    assert (agent.position.file, agent.position.line) == ("deploy/install.sh", 1)


@pytest.mark.parametrize(
    "path", ["Makefile", ".github/workflows/agent.yml", "README.md", "scripts/install.sh"]
)
def test_commands_are_found_where_people_keep_them(tmp_path: Path, path: str) -> None:
    text = f"on: push\nx: |\n\t{INSTALL} \\\n\t --set dagsterCloud.deployment=prod\n"

    found = find_agents(repository(tmp_path, {path: text}))

    assert only(found).name == "eu"
    assert said(found) == (["note agent-from-document"] if path.endswith(".md") else [])


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
        f"{INSTALL} 'unbalanced",
    ],
)
def test_what_is_no_command_for_the_agent_makes_none(tmp_path: Path, line: str) -> None:
    assert found_in(tmp_path, install_sh=line).agents == ()


COMPOSE = """
    services:
      agent:
        image: dagster/dagster-cloud-agent:1.13
        environment:
          - DAGSTER_CLOUD_AGENT_QUEUES_ADDITIONAL_QUEUES=gpu
        volumes:
          - ./conf/dagster.yaml:/opt/dagster/app/dagster.yaml:ro
    """


def test_an_agent_of_a_compose_file_is_what_its_mounted_file_says(tmp_path: Path) -> None:
    found = found_in(tmp_path, compose_yaml=COMPOSE, conf__dagster_yaml=AGENT)

    agent = only(found)
    assert (agent.name, agent.queues) == ("agent", {"hybrid-queue"})
    assert said(found) == ["warning queues-ignored"]


def test_an_agent_of_a_compose_file_without_one_serves_the_default_queue(tmp_path: Path) -> None:
    found = found_in(tmp_path, compose_yaml=COMPOSE)

    assert only(found).queues == {None}
    assert said(found) == ["warning queues-ignored", "note no-configuration"]


def test_an_agents_file_inside_another_has_the_lines_of_that(tmp_path: Path) -> None:
    inner = AGENT.replace("\n", "\n    ")
    text = f"""
    apiVersion: v1
    kind: ConfigMap
    data:
      dagster.yaml: |{inner}
    """
    found = find_agents(repository(tmp_path, {"agent-configmap.yaml": text}))

    agent = only(found)
    assert agent.queues == {"hybrid-queue"}
    assert agent.position is not None
    assert agent.position.line == 5


def test_agents_yaml_is_the_whole_truth(tmp_path: Path) -> None:
    text = """
    agents:
      - name: eu
        queues: [gpu]
        default_queue: false
        deployments: [prod]
        allowed_branch_deployment_locations: [digits]
      - name: pool
        kind: pool
    """
    found = found_in(tmp_path, agents_yaml=text, dagster_yaml=AGENT)

    eu, pool = found.agents
    assert (eu.queues, eu.deployments, eu.allowed_branch) == ({"gpu"}, {"prod"}, {"digits"})
    assert (pool.kind, pool.queues, pool.deployments) == (AgentKind.POOL, {None}, None)
    assert pool.branch_deployments


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agents: {}", "'agents' is not a list"),
        ("agents: [eu]", "agents.yaml:1:10: an agent is text, not a mapping"),
        ("agents: [{name: eu, queue: [a]}]", "Did you mean 'queues'?"),
        ("agents: [{queues: [a]}]", "an agent has no name"),
        ("agents: [{name: eu, kind: cloud}]", "kind 'cloud' is neither"),
        ("agents: [{name: eu, queues: a}]", "queues is text, not a list"),
    ],
)
def test_a_mistake_in_agents_yaml_is_told_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(InvalidInputError) as raised:
        found_in(tmp_path, agents_yaml=text + "\n")
    assert says in raised.value.message


def test_named_files_are_layers_or_agents(tmp_path: Path) -> None:
    project = repository(
        tmp_path,
        {
            "values.yaml": "dagsterCloud: {deployment: prod}\n",
            "prod.helm.yaml": "dagsterCloud: {agentQueues: {additionalQueues: [gpu]}}\n",
            "dagster.yaml": AGENT,
        },
    )
    by_path = {each.path: each for each in project.files}
    values, above, agent = (
        by_path[each] for each in ("values.yaml", "prod.helm.yaml", "dagster.yaml")
    )

    assert only(named_agents([values, above], beside=project)).queues == {"gpu", None}
    sets = ["dagsterCloud.agentQueues.includeDefaultQueue=false"]
    assert only(named_agents([values, above], sets, beside=project)).queues == {"gpu"}
    assert only(named_agents([agent], beside=project)).queues == {"hybrid-queue"}
    with pytest.raises(InvalidInputError, match="holds no values"):
        named_agents([values, agent], beside=project)


def test_flags_of_ours_are_laid_over_those_of_a_command(tmp_path: Path) -> None:
    line = f"{INSTALL} --set dagsterCloud.deployment=prod\n"
    project = repository(tmp_path, {"install.sh": line})

    found = find_agents(project, ["dagsterCloud.agentQueues.additionalQueues[0]=gpu"])

    assert only(found).queues == {"gpu", None}


@pytest.mark.parametrize("path", ["dagster.yaml", "values.yaml"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, path: str) -> None:
    text = "dagster_cloud_api: {\ndagsterCloud: [\n"

    found = find_agents(repository(tmp_path, {path: text}))

    assert found.agents == ()
    assert said(found) == ["error unreadable"]


def test_flags_alone_are_the_charts_defaults_changed() -> None:
    assert only(agent_of_sets(["dagsterCloud.deployment=prod"])).queues == {None}
    with pytest.raises(InvalidInputError, match="not of the form key=value"):
        agent_of_sets(["dagsterCloud"])
