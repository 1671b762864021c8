"""Agents from files are what the official software makes of them, mistakes included."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.model.agents import AgentKind, Setting
from dagstead.repository.agents.discovery import find_agents, named_agents
from dagstead.routing.remarks import Weight
from tests.unit.repository.agents.repositories import AGENT, found_in, only, repository, said


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
def test_an_agent_that_would_not_start_is_known_as_such(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = AGENT.replace("\n    ", "\n")
    assert old in text

    found = found_in(tmp_path, dagster_yaml=text.replace(old, new))

    assert not only(found).starts
    (remark,) = found.remarks
    assert remark.name == "agent-refused"
    assert remark.code in {"DS406", "DS420"}
    assert says in remark.message
    assert "the agent does not start" in remark.message
    assert remark.position is not None


@pytest.mark.parametrize(
    ("written", "expected", "remark"),
    [
        ("deployments: [a, b]", ({"a", "b"}, False), []),
        ("branch_deployments: true", (set(), True), []),
        ("retries: 3", (None, False), []),
        ("deployments: [{env: D}]", (None, False), ["note unknown-value"]),
        ("deployment: a\n  branch_deployments: {env: B}", ({"a"}, False), []),
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


def test_an_agents_file_under_the_name_of_another_is_one(tmp_path: Path) -> None:
    assert found_in(tmp_path, **{"dagster-cloud_yaml": AGENT}).agents


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
    assert said(found) == ["error queues-ignored"]


def test_of_an_agent_of_a_compose_file_without_one_nothing_is_known(tmp_path: Path) -> None:
    found = found_in(tmp_path, compose_yaml=COMPOSE)

    agent = only(found)
    assert (agent.queues, agent.unknown) == (frozenset(), frozenset(Setting))
    assert "dagster.yaml of 'agent' (compose.yaml:2) is not in the repo" in agent.unknown_because
    assert said(found) == ["error queues-ignored"]


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
def test_a_mistake_in_agents_yaml_is_reported_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    found = found_in(tmp_path, agents_yaml=text + "\n")

    (remark,) = found.remarks
    assert says in f"{remark.position}: {remark.sentences}"
    assert (remark.weight, remark.code) == (Weight.ERROR, "DS422")
    assert only(found).unknown == frozenset(Setting)


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


@pytest.mark.parametrize("path", ["dagster.yaml", "values.yaml"])
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, path: str) -> None:
    text = {"dagster.yaml": "dagster_cloud_api: {\n", "values.yaml": "dagsterCloud: [\n"}[path]

    found = find_agents(repository(tmp_path, {path: text}))

    assert not only(found).starts
    assert said(found) == ["error unreadable"]
