"""What documents show is an example: a hint, and an agent only where it is asked for."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from dagstead.repository.agents.discovery import find_agents
from dagstead.repository.files import read_project
from tests.unit.repository.agents.repositories import AGENT, found_in, only, repository, said

VALUES = """\
dagsterCloud:
  deployment: prod
  agentQueues: {includeDefaultQueue: false, additionalQueues: [gpu]}
"""
COMMAND = "helm upgrade --install east x/dagster-cloud-agent --values my-values.yaml\n"
#: Ways in which a document shows the values that its command takes.
SHOWN = {
    "a comment": f"```yaml\n# my-values.yaml\n{VALUES}```\n",
    "the text above": f"Save this as `my-values.yaml`:\n\n```yaml\n{VALUES}```\n",
    "a title": f'```yaml title="my-values.yaml"\n{VALUES}```\n',
    "a here document": f"```sh\ncat <<'EOF' > my-values.yaml\n{VALUES}EOF\n```\n",
    "no name at all": f"These are the values:\n\n```yaml\n{VALUES}```\n",
    "a list": f"1. `my-values.yaml`:\n\n{textwrap.indent(f'```yaml{chr(10)}{VALUES}```', '   ')}\n",
}


@pytest.mark.parametrize("way", SHOWN)
def test_values_of_a_document_belong_to_the_command_that_uses_them(
    way: str, tmp_path: Path
) -> None:
    text = f"# Agent\n\n{SHOWN[way]}\nThen:\n\n```sh\n{COMMAND}```\n"
    (tmp_path / "AGENT.md").write_text(text, encoding="utf-8")

    agent = only(find_agents(read_project(tmp_path), with_documents=True))

    assert (agent.name, agent.queues, agent.deployments) == ("east", {"gpu"}, {"prod"})
    assert agent.unknown == frozenset()


def test_documents_are_a_hint_and_define_nothing(tmp_path: Path) -> None:
    text = (
        f"# Agent\n\n```sh\n{COMMAND}```\n\n```yaml\n"
        "services:\n  west:\n    image: dagster/dagster-cloud-agent:1\n"
        "    environment: {DAGSTER_CLOUD_AGENT_QUEUES: gpu}\n```\n"
    )
    found = found_in(tmp_path, docs__agent_md=text)

    assert found.agents == ()
    (remark,) = found.remarks
    assert remark.message == (
        "documents show 2 agents, which count only with --documents: "
        "east (docs/agent.md:4), west (docs/agent.md:9)"
    )
    counted = find_agents(repository(tmp_path, {}), with_documents=True)
    assert [each.name for each in counted.agents] == ["east", "west"]
    assert said(counted) == ["note queues-ignored"]


def test_documents_are_not_mentioned_where_a_file_defines_an_agent(tmp_path: Path) -> None:
    found = found_in(tmp_path, README_md=COMMAND, dagster_yaml=AGENT)

    assert only(found).name == "dagster.yaml"
    assert found.remarks == ()


def test_a_release_is_called_by_its_name_also_when_that_is_the_charts(tmp_path: Path) -> None:
    line = "helm install dagster-cloud-agent dagster-cloud/dagster-cloud-agent\n"
    assert only(found_in(tmp_path, up_sh=line)).name == "dagster-cloud-agent"
