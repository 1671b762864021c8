"""DS40x: agents' files whose queues are not what they seem.

An agent that does not get its settings serves the default queue, and takes the work of the
serverless agent there. Nothing warns of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node, kind_of
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.rules.base import Found, rule
from dagstead.repository.rules.queues import DEFAULT_QUEUE_WORDS
from dagstead.repository.rules.visit import lines_of

_SET_KEY = re.compile(
    r"dagsterCloud\.(?:agentQueues(?:\[\d+\]|=\{?|\.queues\b)|includeDefaultQueue\b)"
)
#: The chart of this project takes these spellings as they are meant.
_OUR_CHART = re.compile(r"\bdagstead-agent\b")
_OFFICIAL_CHART = re.compile(r"\bdagster-(?:cloud|plus)-agent\b")
_VARIABLE = re.compile(r"\bDAGSTER_CLOUD_AGENT_QUEUES\w*")
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
_AGENT_KEYS = ("include_default_queue", "additional_queues")
_HELM_KEYS = ("includeDefaultQueue", "additionalQueues")


@rule(
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
def helm_default_queue_ignored(project: Project) -> Iterator[Found]:
    """`includeDefaultQueue` stands below `agentQueues`."""
    for cloud in _charts(project):
        entry = cloud.entry("includeDefaultQueue")
        if entry is not None:
            yield Found(
                position=entry.key.position,
                message="the chart ignores dagsterCloud.includeDefaultQueue, so the agent serves "
                "the default queue",
                instead="Write it below agentQueues: dagsterCloud.agentQueues.includeDefaultQueue",
            )


@rule(
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
def helm_queues_form(project: Project) -> Iterator[Found]:
    """`agentQueues` of the chart has its two keys."""
    for cloud in _charts(project):
        queues = cloud.get("agentQueues")
        if queues is not None and not (queues.is_mapping or queues.is_null):
            yield Found(
                position=queues.position,
                message=f"dagsterCloud.agentQueues is {kind_of(queues)}; the chart refuses it",
                instead="Write the names below agentQueues.additionalQueues",
            )
        yield from _unknown(queues, _HELM_KEYS, "dagsterCloud.agentQueues", "the chart")


@rule(
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
def helm_set_spelling(project: Project) -> Iterator[Found]:
    """Queues on Helm's command line are set by the chart's keys."""
    for file, start, found in _search(project, _SET_KEY, Family.TEXT, Family.WORKFLOW):
        text = file.source.text
        if _OUR_CHART.search(text) and not _OFFICIAL_CHART.search(text):
            continue
        yield Found(
            position=file.source.position(start, start + len(found)),
            message=f"{found!r} is not a key that the chart reads",
            instead="Set dagsterCloud.agentQueues.additionalQueues[0]=NAME and "
            "dagsterCloud.agentQueues.includeDefaultQueue=false",
        )


@rule(
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
def queue_variable_ignored(project: Project) -> Iterator[Found]:
    """Queues are not set by environment variables."""
    # A document may well say that nothing reads it.
    families = (each for each in Family if each is not Family.DOCUMENT)
    for file, start, found in _search(project, _VARIABLE, *families):
        yield Found(
            position=file.source.position(start, start + len(found)),
            message=f"nothing reads {found}",
            instead="Write 'agent_queues:' at the top level of the agent's dagster.yaml",
        )


@rule(
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
def agent_queues_misplaced(project: Project) -> Iterator[Found]:
    """`agent_queues` stands at the top level of an agent's `dagster.yaml`."""
    for file in project.files_of(Family.AGENT):
        for entry in () if file.root is None else file.root.entries:
            below = entry.value.entry("agent_queues")
            if below is not None and entry.key.value != "agent_queues":
                yield Found(
                    position=below.key.position,
                    message=f"agent_queues below {entry.key.value!r} is not read",
                    instead="Write it at the top level of the file",
                )


@rule(
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
def agent_queues_form(project: Project) -> Iterator[Found]:
    """`agent_queues` of an agent has its two keys."""
    for queues in _agent_queues(project):
        if not (queues.is_mapping or queues.is_null):
            yield Found(
                position=queues.position,
                message=f"agent_queues is {kind_of(queues)}, not a mapping",
                instead="Write the names below additional_queues",
            )
        yield from _unknown(queues, _AGENT_KEYS, "agent_queues", "the agent")
        flag = queues.get("include_default_queue")
        if flag is not None and not isinstance(flag.value, bool):
            yield Found(
                position=flag.position,
                message=f"include_default_queue is {kind_of(flag)}, not true or false",
                instead="Write true or false without quotes",
            )


@rule(
    "DS407",
    "agent-serves-default-by-name",
    reason="""
        The default queue has no name, so an agent that lists `default` in its additional queues
        serves a queue of that name, to which ordinary locations do not go.
        """,
    bad={"dagster.yaml": _AGENT_GOOD.replace("- hybrid", "- default")},
    good={"dagster.yaml": _AGENT_GOOD},
)
def agent_serves_default_by_name(project: Project) -> Iterator[Found]:
    """An agent serves the default queue by `include_default_queue`, not by a name."""
    lists = [each.get("additional_queues") for each in _agent_queues(project)]
    lists += [each.get("agentQueues", "additionalQueues") for each in _charts(project)]
    for names in lists:
        for name in () if names is None else names.items:
            if name.is_null or (name.text or "-").strip().lower() in {"", *DEFAULT_QUEUE_WORDS}:
                yield Found(
                    position=name.position,
                    message=f"{name.value!r} is a queue of that name, not the default queue",
                    instead="Remove it, and set include_default_queue (includeDefaultQueue)",
                )


def _charts(project: Project) -> Iterator[Node]:
    for file in project.files_of(Family.HELM):
        cloud = None if file.root is None else file.root.get("dagsterCloud")
        if cloud is not None and cloud.is_mapping:
            yield cloud


def _agent_queues(project: Project) -> Iterator[Node]:
    for file in project.files_of(Family.AGENT):
        queues = None if file.root is None else file.root.get("agent_queues")
        if queues is not None:
            yield queues


def _unknown(
    queues: Node | None, known: tuple[str, ...], place: str, reader: str
) -> Iterator[Found]:
    for entry in () if queues is None else queues.entries:
        if entry.key.value not in known:
            yield Found(
                position=entry.key.position,
                message=f"{entry.key.value!r} is no key of {place}; {reader} does not read it",
                instead=f"Write {known[1]} for the names, {known[0]} for the default queue",
            )


def _search(
    project: Project, pattern: re.Pattern[str], *families: Family
) -> Iterator[tuple[ConfigFile, int, str]]:
    for file in project.files_of(*families):
        if pattern.search(file.source.text):
            for offset, line in lines_of(file):
                for found in pattern.finditer(line):
                    yield file, offset + found.start(), found[0]
