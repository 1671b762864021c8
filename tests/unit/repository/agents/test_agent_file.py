from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.model.agents import PAUSE_VARIABLE, AgentType
from dagstead.model.queues import is_default_by_name
from dagstead.repository.agents.agent_config import REDEPLOY_VARIABLE, AgentFile, text
from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check
from tests.support.environments import REPOSITORY

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
QUEUES = NAMES.filter(lambda name: not is_default_by_name(name))
URL = "https://dagstead.example.com"


def read_back(file: AgentFile) -> dict[str, Any]:
    """What the file says, in the words of ``AgentFile``."""
    content = yaml.safe_load(text(file))
    if file.type is AgentType.KUBERNETES:
        cloud = content["dagsterCloud"]
        assert cloud["url"] == cloud["endpoint"]
        return {
            "url": cloud["url"],
            "queues": cloud["agentQueues"]["additionalQueues"],
            "default_queue": cloud["agentQueues"]["includeDefaultQueue"],
            "deployments": cloud["deployments"],
            "branch_deployments": cloud["branchDeployments"],
            "label": cloud.get("agentLabel"),
        }
    api = content["dagster_cloud_api"]
    return {
        "url": api["url"],
        "queues": content["agent_queues"]["additional_queues"],
        "default_queue": content["agent_queues"]["include_default_queue"],
        "deployments": api["deployments"],
        "branch_deployments": api["branch_deployments"],
        "label": api.get("agent_label"),
    }


@given(
    type_=st.sampled_from(AgentType),
    queues=st.lists(QUEUES, unique=True, min_size=1),
    deployments=st.lists(NAMES, unique=True, min_size=1),
    default_queue=st.booleans(),
    branch_deployments=st.booleans(),
    label=st.none() | NAMES,
)
def test_the_file_says_what_was_chosen(
    *,
    type_: AgentType,
    queues: list[str],
    deployments: list[str],
    default_queue: bool,
    branch_deployments: bool,
    label: str | None,
) -> None:
    file = AgentFile(
        type=type_,
        url=URL,
        queues=tuple(queues),
        default_queue=default_queue,
        deployments=tuple(deployments),
        branch_deployments=branch_deployments,
        label=label,
    )

    assert read_back(file) == {
        "url": URL,
        "queues": queues,
        "default_queue": default_queue,
        "deployments": deployments,
        "branch_deployments": branch_deployments,
        "label": label,
    }


@pytest.mark.parametrize("type_", AgentType)
def test_check_finds_nothing_in_it(type_: AgentType, tmp_path: Path) -> None:
    file = AgentFile(type=type_, url=URL, queues=("hybrid-queue",), default_queue=False)
    (tmp_path / file.name).write_text(text(file), encoding="utf-8")

    project = read_project(tmp_path)

    assert [each.path for each in project.files] == [file.name]
    assert list(check(project)) == []


@pytest.mark.parametrize("type_", AgentType)
def test_its_workers_ask_for_their_runs_and_dead_code_servers_are_replaced_soon(
    type_: AgentType,
) -> None:
    written = text(AgentFile(type=type_, url=URL, queues=("hybrid-queue",), default_queue=False))
    content = yaml.safe_load(written)

    key = "isolatedAgents" if type_ is AgentType.KUBERNETES else "isolated_agents"
    assert content[key] == {"enabled": True}
    if type_ is AgentType.KUBERNETES:
        env = content["dagsterCloudAgent"]["env"]
        assert {each["name"]: each["value"] for each in env} == {
            REDEPLOY_VARIABLE: "30",
            PAUSE_VARIABLE: "0.1",
        }
    assert REDEPLOY_VARIABLE in written
    assert PAUSE_VARIABLE in written
    assert "a token of its own" in written.replace("\n#", "")


@pytest.mark.parametrize(
    ("type_", "path"),
    [
        (AgentType.DOCKER, ("user_code_launcher", "config", "env_vars")),
        (AgentType.ECS, ("user_code_launcher", "config", "env_vars")),
        (AgentType.KUBERNETES, ("workspace", "envVars")),
    ],
)
def test_its_workers_send_events_of_partitions_in_batches(
    type_: AgentType, path: tuple[str, ...]
) -> None:
    content = yaml.safe_load(text(AgentFile(type=type_, url=URL)))
    for key in path:
        content = content[key]
    assert content == ["DAGSTER_EVENT_BATCH_SIZE=100"]


def test_the_token_is_never_in_it() -> None:
    file = AgentFile(type=AgentType.DOCKER, url=URL)

    token = yaml.safe_load(text(file))["dagster_cloud_api"]["agent_token"]

    assert token == {"env": "DAGSTER_CLOUD_AGENT_TOKEN"}


@pytest.mark.parametrize("queue", ["default", "default-queue", "None", ""])
def test_the_default_queue_is_not_served_by_a_name(queue: str) -> None:
    with pytest.raises(InvalidInputError, match="--default-queue"):
        AgentFile(type=AgentType.LOCAL, url=URL, queues=(queue,))


def test_an_agent_that_would_get_no_work_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="--queue"):
        AgentFile(type=AgentType.LOCAL, url=URL, default_queue=False)


def test_an_address_needs_its_scheme() -> None:
    with pytest.raises(InvalidInputError, match="'dagstead.example.com'"):
        AgentFile(type=AgentType.LOCAL, url="dagstead.example.com")


def test_the_agent_of_compose_has_what_the_command_writes() -> None:
    written = (REPOSITORY / "deploy" / "compose" / "dagster.yaml").read_text(encoding="utf-8")
    file = AgentFile(
        type=AgentType.DOCKER,
        url="http://web:3000",
        queues=("hybrid-queue",),
        default_queue=False,
        branch_deployments=True,
        label="docker agent",
    )
    assert written == text(file)
    services = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert {REDEPLOY_VARIABLE, PAUSE_VARIABLE} <= services["agent"]["environment"].keys()
