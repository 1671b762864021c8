"""DS40x and DS42x: agents' files whose settings are not what they seem.

An agent that does not get its settings serves the default queue, and takes the work of the
serverless agent there. Nothing warns of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dagstead.repository.agents.scan import Mistake, Slip
from dagstead.repository.rules.base import Severity, Violation, agent_rule

Slips = Iterable[Slip]

_HELM_GOOD = """
    dagsterCloud:
      agentQueues:
        includeDefaultQueue: false
        additionalQueues:
          - hybrid
    """
_AGENT_HEAD = """
    instance_class:
      module: dagster_cloud.instance
      class: DagsterCloudAgentInstance
    """
_AGENT_GOOD = (
    _AGENT_HEAD
    + """
    agent_queues:
      include_default_queue: false
      additional_queues:
        - hybrid
    """
)


@agent_rule(
    "DS401",
    "helm-default-queue-ignored",
    reason="""
        The agent's Helm chart reads `dagsterCloud.agentQueues.includeDefaultQueue`. One level up
        the key is accepted and ignored: the agent keeps serving the default queue and takes
        serverless locations from it.
        """,
    bad={
        "values.yaml": """
            dagsterCloud:
              includeDefaultQueue: false
              agentQueues:
                additionalQueues:
                  - hybrid
            """
    },
    good={"values.yaml": _HELM_GOOD},
)
def helm_default_queue_ignored(slips: Slips) -> Iterator[Violation]:
    """`includeDefaultQueue` is below `agentQueues`."""
    return _found(slips, Mistake.HELM_FLAG_MISPLACED)


@agent_rule(
    "DS402",
    "helm-queues-form",
    reason="""
        `dagsterCloud.agentQueues` is a mapping with `includeDefaultQueue` and `additionalQueues`. A
        list is refused when the chart is installed; another key in the mapping (`queues`) is
        accepted and ignored, and the agent serves the default queue only.
        """,
    bad={
        "values.yaml": """
            dagsterCloud:
              agentQueues:
                - hybrid
            """
    },
    good={"values.yaml": _HELM_GOOD},
)
def helm_queues_form(slips: Slips) -> Iterator[Violation]:
    """`agentQueues` of the chart has its two keys."""
    return _found(slips, Mistake.HELM_FORM)


@agent_rule(
    "DS403",
    "helm-set-spelling",
    reason="""
        `--set dagsterCloud.agentQueues[0]=NAME` makes a list, which the chart refuses, and
        `--set dagsterCloud.includeDefaultQueue=false` sets a key that it ignores: the agent keeps
        serving the default queue.
        """,
    bad={
        "install.sh": """
            helm install agent dagster-cloud/dagster-cloud-agent \\
              --set dagsterCloud.agentQueues[0]=hybrid
            """
    },
    good={
        "install.sh": """
            helm install agent dagster-cloud/dagster-cloud-agent \\
              --set dagsterCloud.agentQueues.additionalQueues[0]=hybrid
            """
    },
)
def helm_set_spelling(slips: Slips) -> Iterator[Violation]:
    """Queues on Helm's command line are set by the chart's keys."""
    return _found(slips, Mistake.HELM_BY_FLAG)


@agent_rule(
    "DS404",
    "queue-variable-ignored",
    reason="""
        No package of Dagster+ reads `DAGSTER_CLOUD_AGENT_QUEUES` or
        `DAGSTER_CLOUD_AGENT_QUEUES_INCLUDE_DEFAULT_QUEUE`. The agent serves the default queue, and
        only that. The queues are set in the agent's `dagster.yaml`.
        """,
    bad={
        "docker-compose.yaml": """
            services:
              agent:
                environment:
                  DAGSTER_CLOUD_AGENT_QUEUES_INCLUDE_DEFAULT_QUEUE: "false"
            """
    },
    good={
        "docker-compose.yaml": """
            services:
              agent:
                environment:
                  DAGSTER_CLOUD_DEPLOYMENT: prod
            """
    },
)
def queue_variable_ignored(slips: Slips) -> Iterator[Violation]:
    """Queues are not set by environment variables."""
    return _found(slips, Mistake.VARIABLE)


@agent_rule(
    "DS405",
    "agent-queues-misplaced",
    reason="""
        An agent reads `agent_queues` at the top level of its `dagster.yaml`, nowhere else. Below
        `instance` or `dagster_cloud_api` it has no effect, or stops the agent.
        """,
    bad={
        "dagster.yaml": _AGENT_HEAD
        + """
    instance:
      agent_queues:
        include_default_queue: false
    """
    },
    good={"dagster.yaml": _AGENT_GOOD},
)
def agent_queues_misplaced(slips: Slips) -> Iterator[Violation]:
    """`agent_queues` is at the top level of an agent's `dagster.yaml`."""
    return _found(slips, Mistake.MISPLACED)


@agent_rule(
    "DS406",
    "agent-queues-form",
    reason="""
        `agent_queues` of an agent is a mapping with `include_default_queue` (true or false) and
        `additional_queues` (a list of names). The agent does not start with anything else.
        """,
    bad={
        "dagster.yaml": _AGENT_HEAD
        + """
    agent_queues:
      - hybrid
    """
    },
    good={"dagster.yaml": _AGENT_GOOD},
)
def agent_queues_form(slips: Slips) -> Iterator[Violation]:
    """`agent_queues` of an agent has its two keys."""
    return _found(slips, Mistake.FORM)


@agent_rule(
    "DS407",
    "agent-serves-default-by-name",
    severity=Severity.WARNING,
    reason="""
        The default queue has no name, so an agent that lists `default` in its additional queues
        serves a queue of that name, to which ordinary locations do not go.
        """,
    bad={"dagster.yaml": _AGENT_GOOD.replace("- hybrid", "- default")},
    good={"dagster.yaml": _AGENT_GOOD},
)
def agent_serves_default_by_name(slips: Slips) -> Iterator[Violation]:
    """An agent serves the default queue by `include_default_queue`, not by a name."""
    return _found(slips, Mistake.DEFAULT_BY_NAME)


@agent_rule(
    "DS420",
    "agent-setting-refused",
    reason="""
        An agent with a setting that its software does not take, or its chart, does not start. The
        locations of its queues wait for it.
        """,
    bad={
        "values.yaml": """
            dagsterCloud:
              deployment: prod
              deployments:
                - prod
            """
    },
    good={
        "values.yaml": """
            dagsterCloud:
              deployments:
                - prod
            """
    },
)
def agent_setting_refused(slips: Slips) -> Iterator[Violation]:
    """The software of an agent takes its settings."""
    return _found(slips, Mistake.REFUSED)


@agent_rule(
    "DS421",
    "agent-file-unreadable",
    reason="""
        The agent, or Helm, reads the file as YAML in UTF-8 and stops. A file that another program
        renders first is not reported.
        """,
    bad={"values.yaml": "dagsterCloud: [\n"},
    good={"values.yaml": _HELM_GOOD},
)
def agent_file_unreadable(slips: Slips) -> Iterator[Violation]:
    """A file of an agent can be read."""
    return _found(slips, Mistake.UNREADABLE)


@agent_rule(
    "DS422",
    "agents-yaml-form",
    reason="""
        `agents.yaml` is a form of Dagstead's own, and is taken for the whole truth about a
        repository's agents. With a mistake in it nothing is known of any of them.
        """,
    bad={
        "agents.yaml": """
            agents:
              - name: eu
                queue: hybrid
            """
    },
    good={
        "agents.yaml": """
            agents:
              - name: eu
                queues: [hybrid]
            """
    },
)
def agents_yaml_form(slips: Slips) -> Iterator[Violation]:
    """`agents.yaml` has the form that the guide shows."""
    return _found(slips, Mistake.AGENTS_YAML)


def _found(slips: Iterable[Slip], mistake: Mistake) -> Iterator[Violation]:
    for each in slips:
        if each.mistake is mistake:
            yield Violation(position=each.position, message=each.message, instead=each.advice)
