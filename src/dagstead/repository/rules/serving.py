"""DS423 to DS425: locations that none of the repository's agents will run, or the wrong one."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.queues import is_default_by_name
from dagstead.repository.rules.base import Violation, routing_rule
from dagstead.repository.rules.evidence import Evidence
from dagstead.routing.remarks import Remark, Weight

_LOCATIONS = """
    locations:
      - location_name: etl
        image: registry.example.com/etl:1
        code_source:
          package_name: etl
        agent_queue: hybrid
    """
_MIXED = """
    locations:
      - location_name: light
        code_source:
          package_name: light
      - location_name: etl
        image: registry.example.com/etl:1
        code_source:
          package_name: etl
        agent_queue: hybrid
    """
_AGENT = """
    agents:
      - name: eu
        queues: [hybrid]
        default_queue: false
    """


@routing_rule(
    "DS423",
    "location-not-served",
    reason="""
        A location waits for an agent that serves its queue in its deployment, and a deploy times
        out after an hour. This is reported where the files of the repository say who its agents
        are, and none of them can be meant. `dagstead routes --why` shows why not.
        """,
    bad={"dagster_cloud.yaml": _LOCATIONS, "agents.yaml": _AGENT.replace("hybrid", "gpu")},
    good={"dagster_cloud.yaml": _LOCATIONS, "agents.yaml": _AGENT},
)
def location_not_served(evidence: Evidence) -> Iterator[Violation]:
    """An agent of the repository serves the queue of every location."""
    for remark in _errors(evidence, "unserved"):
        if not _is_misnamed(evidence, remark):
            yield from _violation(remark)


@routing_rule(
    "DS424",
    "serverless-work-taken",
    reason="""
        An agent for images that serves the default queue gets requests of serverless locations
        there, as the managed pool does, and fails them: they have no image.
        """,
    bad={"dagster_cloud.yaml": _MIXED, "agents.yaml": _AGENT.replace("false", "true")},
    good={"dagster_cloud.yaml": _MIXED, "agents.yaml": _AGENT},
)
def serverless_work_taken(evidence: Evidence) -> Iterator[Violation]:
    """Agents for images leave the default queue to the managed pool."""
    mistaken = {each.position.file for each in evidence.slips}
    for remark in _errors(evidence, "stolen-by-hybrid"):
        # A mistake in the agent's file is reported there, and may well be the cause.
        if remark.position is not None and remark.position.file not in mistaken:
            yield from _violation(remark)


@routing_rule(
    "DS425",
    "image-on-the-pool",
    reason="""
        A managed pool runs PEX files. It runs images only where its code is in containers
        (`pool_backend = docker`); say so with `launcher: Docker` in agents.yaml. Elsewhere a
        location with an image fails there.
        """,
    bad={
        "dagster_cloud.yaml": _LOCATIONS,
        "agents.yaml": """
            agents:
              - name: pool
                kind: pool
                queues: [hybrid]
            """,
    },
    good={"dagster_cloud.yaml": _LOCATIONS, "agents.yaml": _AGENT},
)
def image_on_the_pool(evidence: Evidence) -> Iterator[Violation]:
    """A location with an image is on a queue that the managed pool does not serve."""
    for remark in _errors(evidence, "image-on-pool"):
        yield from _violation(remark)


def _errors(evidence: Evidence, name: str) -> Iterator[Remark]:
    for each in evidence.outlook.remarks:
        if each.name == name and each.weight is Weight.ERROR:
            yield each


def _violation(remark: Remark) -> Iterator[Violation]:
    if remark.position is not None:
        yield Violation(position=remark.position, message=remark.message, instead=remark.advice)


def _is_misnamed(evidence: Evidence, remark: Remark) -> bool:
    """Whether other rules report the queue, for its name."""
    queues = {
        each.location.queue
        for each in evidence.outlook.routes
        if each.location.name in remark.locations
    }
    return all(
        each is not None and (is_default_by_name(each) or each != each.strip()) for each in queues
    )
