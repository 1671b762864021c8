"""The agent's chart: queues in every spelling that people copy, else a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dagstead.model.agents import AgentType
from dagstead.model.families import Family
from dagstead.model.queues import DEFAULT_QUEUE_WORDS
from dagstead.repository.agents.agent_config import AgentFile, text
from dagstead.repository.agents.discovery import find_agents
from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check
from tests.charts.sets import AGENT, AGENT_SETS
from tests.support.helm import Helm, HelmRefusedError, Release, from_set

LEAST = ("dagsterCloud.url=https://dagstead.example.com", "dagsterCloud.deployment=prod")


def configuration(release: Release) -> str:
    maps = release.all("ConfigMap")
    texts = {each["data"]["dagster.yaml"] for each in maps}
    assert len(texts) == 1
    return str(texts.pop())


@pytest.fixture(name="queues_of")
def _queues_of(helm: Helm) -> Any:
    def queues_of(values: dict[str, Any]) -> Any:
        release = helm.install(AGENT, values, release="agent")
        helm.uninstall(release="agent")
        return yaml.safe_load(configuration(release))["agent_queues"]

    return queues_of


@pytest.mark.parametrize(
    ("arguments", "names", "default"),
    [
        ([], [], True),
        (["agentQueues[0]=hybrid", "includeDefaultQueue=false"], ["hybrid"], False),
        (["agentQueues[0]=hybrid"], ["hybrid"], True),
        (["agentQueues[0]=hybrid", "agentQueues[1]=gpu"], ["hybrid", "gpu"], True),
        (["agentQueues[0]=hybrid", "agentQueues[1]=hybrid"], ["hybrid"], True),
        (["agentQueues.additionalQueues[0]=hybrid"], ["hybrid"], True),
        (
            ["agentQueues.additionalQueues[0]=hybrid", "agentQueues.includeDefaultQueue=false"],
            ["hybrid"],
            False,
        ),
        (
            ["agentQueues.additionalQueues[0]=hybrid", "includeDefaultQueue=false"],
            ["hybrid"],
            False,
        ),
        (["agentQueues.includeDefaultQueue=true", "includeDefaultQueue=true"], [], True),
        (["agentQueues=null", "includeDefaultQueue=null"], [], True),
    ],
)
def test_every_spelling_gives_the_agent_its_own(
    queues_of: Any, arguments: list[str], names: list[str], default: object
) -> None:
    given = queues_of(from_set(*LEAST, *(f"dagsterCloud.{each}" for each in arguments)))

    assert given == {"include_default_queue": default, "additional_queues": names}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["includeDefaultQueue=true", "agentQueues.includeDefaultQueue=false"],
            "is true and dagsterCloud.agentQueues.includeDefaultQueue is false. Remove one",
        ),
        (
            ["agentQueues.queues[0]=hybrid"],
            'agentQueues has the key "queues", which nothing reads. Write the names below',
        ),
        (
            ["agentQueues[0]=default"],
            'names the queue "default", which is not the default queue: that one has no name.',
        ),
        (["agentQueues[0]=Default-Queue"], 'names the queue "Default-Queue"'),
        (["agentQueues.additionalQueues[0]="], 'names the queue ""'),
        (["agentQueues[0]= hybrid"], "Remove the blanks around the name."),
        (["agentQueues[0]=7"], "names the queue 7, which is not text."),
        (["agentQueues[1]=hybrid"], "names the queue null, which is not text."),
        (["agentQueues=hybrid"], 'The queues of dagsterCloud.agentQueues are "hybrid".'),
        (["agentQueues.additionalQueues=hybrid"], "Write a list"),
        (["includeDefaultQueue=no"], 'is "no" (string). Write true or false'),
        (["includeDefaultQueue=false"], "This agent would serve no queue"),
        (["agentQueues.includeDefaultQueue=false"], "This agent would serve no queue"),
        (["deployment="], "This agent would serve no deployment."),
        (["deployments[0]=prod"], "dagsterCloud.deployment and dagsterCloud.deployments"),
        (["endpoint=https://other.example.com"], "dagsterCloud.endpoint is https://other.example"),
        (["url="], "dagsterCloud.url is empty. Set it to the address of your control plane"),
        (["agentTokenSecret="], "dagsterCloud.agentTokenSecret is empty."),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    helm: Helm, arguments: list[str], sentence: str
) -> None:
    values = from_set(*LEAST, *(f"dagsterCloud.{each}" for each in arguments))

    with pytest.raises(HelmRefusedError) as refused:
        helm.install(AGENT, values, release="agent")

    assert sentence in str(refused.value)


def test_an_agent_that_would_never_be_ready_is_refused(helm: Helm) -> None:
    values = from_set(*LEAST, "dagsterCloudAgent.image.tag=1.12.22")

    with pytest.raises(HelmRefusedError, match=r"Set dagsterCloudAgent\.readinessProbe=false"):
        helm.install(AGENT, values, release="agent")


@pytest.mark.parametrize("word", sorted(DEFAULT_QUEUE_WORDS))
def test_no_name_that_people_give_the_default_queue_is_one(helm: Helm, word: str) -> None:
    values = from_set(*LEAST)
    values["dagsterCloud"]["agentQueues"] = [word]

    with pytest.raises(HelmRefusedError, match="which is not the default queue"):
        helm.install(AGENT, values, release="agent")


def test_what_our_command_writes_can_be_installed(queues_of: Any) -> None:
    file = AgentFile(
        type=AgentType.KUBERNETES,
        url="https://dagstead.example.com",
        queues=("hybrid", "gpu"),
        default_queue=False,
        deployments=("prod", "staging"),
        branch_deployments=True,
        label="eu",
    )

    given = queues_of(yaml.safe_load(text(file)))

    assert given == {"include_default_queue": False, "additional_queues": ["hybrid", "gpu"]}


@pytest.mark.parametrize("values", AGENT_SETS.values(), ids=AGENT_SETS)
def test_our_own_check_finds_nothing_in_what_it_writes(
    helm: Helm, tmp_path: Path, values: dict[str, Any]
) -> None:
    release = helm.install(AGENT, values, release="agent")
    helm.uninstall(release="agent")
    (tmp_path / "dagster.yaml").write_text(configuration(release), encoding="utf-8")
    project = read_project(tmp_path)

    assert [file.path for file in project.files_of(Family.AGENT)] == ["dagster.yaml"]
    assert check(project) == ()
    [agent] = find_agents(project).agents
    assert agent.launcher == "Kubernetes"
    assert agent.queues == (
        frozenset({"hybrid", "gpu"})
        if "agentQueues" in values["dagsterCloud"]
        else frozenset({None})
    )


def test_nothing_is_said_on_the_side_of_a_list_of_queues(helm: Helm) -> None:
    helm.install(AGENT, from_set(*LEAST, "dagsterCloud.agentQueues[0]=hybrid"), release="list")

    assert "table" not in helm.remarks()


def test_the_notes_warn_of_an_agent_that_takes_serverless_locations(helm: Helm) -> None:
    both = helm.install(AGENT, from_set(*LEAST, "dagsterCloud.agentQueues[0]=gpu"), release="a")
    own = helm.install(AGENT, AGENT_SETS["queues"], release="b")

    assert "It serves: gpu, the default queue." in both.notes
    assert "would take serverless" in both.notes
    assert "--queue gpu --default-queue" in both.notes
    assert "It serves: hybrid, gpu.\n" in own.notes
    assert "would take serverless" not in own.notes
    # Of a token that is given, nothing is said.
    assert "secret" not in own.notes.lower()
