"""Rules about agents: they find what the readers of agents' files find, wherever it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.agents.discovery import find_agents
from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check

_LIST = "dagsterCloud:\n  deployment: prod\n  agentQueues:\n    - hybrid\n"
_AGENT = "instance_class: {module: dagster_cloud.instance, class: DagsterCloudAgentInstance}\n"
_API = "dagster_cloud_api: {deployment: prod}\n"
_INSIDE = """\
kind: ConfigMap
data:
  dagster.yaml: |
    instance_class: {module: dagster_cloud.instance, class: DagsterCloudAgentInstance}
    dagster_cloud_api: {deployment: prod}
    agent_queues:
      - hybrid
"""


def found_in(root: Path, files: Mapping[str, str]) -> list[tuple[str, str, int]]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    found = check(read_project(root))
    return [(each.code, each.position.file, each.position.line) for each in found]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"values.yaml": f"agent:\n  {_LIST.replace(chr(10), chr(10) + '  ')}"}, ("DS402", 5)),
        ({"values.yaml": _LIST.replace("- hybrid", "queues: [hybrid]")}, ("DS402", 4)),
        ({"values.yaml": _LIST.replace("- hybrid", "includeDefaultQueue: 'no'")}, ("DS402", 4)),
        ({"values.yaml": _LIST.replace("- hybrid", "additionalQueues: [default]")}, ("DS407", 4)),
        ({"agent-config.yaml": _INSIDE}, ("DS406", 7)),
        ({"dagster.yaml": f"{_AGENT}agent_queues: {{additional_queues: gpu}}\n"}, ("DS406", 2)),
        (
            {"dagster.yaml": f"{_AGENT}agent_queues: {{include_default_queue: {{env: A}}}}\n"},
            ("DS406", 2),
        ),
        ({"dagster.yaml": f"{_AGENT}agent_queues: {{additional_queues: [~]}}\n"}, ("DS406", 2)),
        (
            {"dagster.yaml": f"{_AGENT}dagster_cloud_api:\n  agent_queues: {{}}\n"},
            ("DS405", 3),
        ),
        (
            {"main.tf": 'set {\n  name = "dagsterCloud.includeDefaultQueue"\n}\n'},
            ("DS403", 2),
        ),
        (
            {"install.sh": 'ARGS=(\n  --set "dagsterCloud.agentQueues[0]=gpu"\n)\nhelm version\n'},
            ("DS403", 2),
        ),
        (
            {
                "install.sh": "helm upgrade a dagster-cloud/dagster-cloud-agent "
                "--set-json 'dagsterCloud.agentQueues=[\"gpu\"]'\n"
            },
            ("DS403", 1),
        ),
        ({"agent.env": "A=1\nDAGSTER_CLOUD_AGENT_QUEUES=gpu\n"}, ("DS404", 2)),
    ],
)
def test_a_slip_is_found_once_where_it_is_written(
    files: Mapping[str, str], expected: tuple[str, int], tmp_path: Path
) -> None:
    (path,) = files

    assert found_in(tmp_path, files) == [(expected[0], path, expected[1])]


@pytest.mark.parametrize(
    "files",
    [
        # The chart of this project takes a list.
        {
            "install.sh": "helm install a charts/dagstead-agent -f values.yaml\n",
            "values.yaml": _LIST,
        },
        {"install.sh": "# --set dagsterCloud.agentQueues[0]=gpu\necho dagsterCloud.agentQueues\n"},
        {"main.tf": 'name = "dagsterCloud.agentQueues.additionalQueues[0]"\n'},
        {"agent.env": "# DAGSTER_CLOUD_AGENT_QUEUES=gpu\nDAGSTER_CLOUD_DEPLOYMENT=prod\n"},
        {
            "install.sh": "helm install a dagster-cloud/dagster-cloud-agent "
            "--set dagsterCloud.agentQueues.includeDefaultQueue=$DEFAULT\n"
        },
    ],
)
def test_what_takes_effect_is_no_slip(files: Mapping[str, str], tmp_path: Path) -> None:
    assert found_in(tmp_path, files) == []


def test_values_of_two_charts_are_judged_by_the_one_that_refuses_them(tmp_path: Path) -> None:
    ours = "helm install a charts/dagstead-agent -f values.yaml\n"
    files = {"a.sh": ours, "b.sh": ours.replace("dagstead", "dagster-cloud"), "values.yaml": _LIST}

    assert found_in(tmp_path, files) == [("DS402", "values.yaml", 4)]


def test_a_file_of_agents_hides_no_slip(tmp_path: Path) -> None:
    files = {
        "agents.yaml": "agents:\n  - name: a\n",
        "dagster.yaml": f"{_AGENT}{_API}agent_queues: [gpu]\n",
    }

    assert found_in(tmp_path, files) == [("DS406", "dagster.yaml", 3)]
    assert [each.name for each in find_agents(read_project(tmp_path)).agents] == ["a"]


def test_rules_and_routes_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(_LIST, encoding="utf-8")
    project = read_project(tmp_path)

    (finding,) = check(project)
    (remark,) = find_agents(project).remarks

    assert remark.position == finding.position
    assert remark.message.startswith(finding.found.message)
    assert remark.advice == finding.found.instead


_TYPO = (
    "locations: [{location_name: etl, image: 'r.io/etl:1', code_source: {package_name: etl}, "
    "agent_queue: gpuu}]\n"
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"agents.yaml": "agents: [{name: eu, queues: [gpu]}]\n"}, ["DS423"]),
        # Nothing is known, or not enough: no judgement.
        ({}, []),
        ({"up.sh": "helm install eu x/dagster-cloud-agent -f $VALUES\n"}, []),
        ({"AGENT.md": "```sh\nhelm install eu x/dagster-cloud-agent\n```\n"}, []),
        # The mistake is in the agent's file, and is reported there alone.
        ({"values.yaml": _LIST}, ["DS402"]),
        ({"agents.yaml": "agents: [{name: eu, queues: gpu}]\n"}, ["DS422"]),
    ],
)
def test_a_location_that_nobody_runs_is_found_where_its_agents_are_known(
    files: Mapping[str, str], expected: list[str], tmp_path: Path
) -> None:
    found = found_in(tmp_path, {"dagster_cloud.yaml": _TYPO, **files})

    assert [code for code, _, _ in found] == expected


def test_a_queue_with_a_name_of_the_default_queue_is_found_once(tmp_path: Path) -> None:
    files = {
        "dagster_cloud.yaml": _TYPO.replace("gpuu", "default"),
        "agents.yaml": "agents: [{name: eu, queues: [gpu]}]\n",
    }
    assert [code for code, _, _ in found_in(tmp_path, files)] == ["DS210"]


@pytest.mark.parametrize(
    "text",
    [
        "AWSTemplateFormatVersion: '2010-09-09'\nX: !Sub '${A}'\nImage: x/dagster-cloud-agent\n",
        f"{_AGENT}agent_queues: !include queues.yaml\n",
        "a: 1\n---\nkind: ConfigMap\ndata: {x: DagsterCloudAgentInstance}\n",
    ],
)
def test_what_the_deploy_does_not_read_may_have_tags_and_several_documents(
    text: str, tmp_path: Path
) -> None:
    assert found_in(tmp_path, {"infra/agent.yaml": text}) == []
