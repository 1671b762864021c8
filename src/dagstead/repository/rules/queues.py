"""DS21x: queues that no agent serves, and locations that can be read in two ways."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.location import Kind, Location
from dagstead.model.queues import is_default_by_name
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import Severity, Violation, replacing, rule


@rule(
    "DS210",
    "queue-named-default",
    reason="""
        The default queue is the absence of a name. A location with `agent_queue: default-queue`
        waits for an agent that is configured to serve a queue of exactly that name; ordinary agents
        serve none. The empty text is a name, too. The deploy does not fail at once: it waits an
        hour for the location to load, then times out.
        """,
    bad="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
            agent_queue: default-queue
        """,
    good="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
        """,
)
def queue_named_default(project: Project) -> Iterator[Violation]:
    """The default queue has no name."""
    for location in _written_queues(project):
        queue = location.queue
        if queue is None:
            continue
        if is_default_by_name(queue.value):
            yield Violation(
                position=queue.position,
                message=f"agent_queue {queue.value!r} of {location.name.value!r} is a queue of "
                "that name, not the default queue",
                instead="Remove agent_queue for the default queue, or name a queue of your agents",
            )


@rule(
    "DS211",
    "queue-with-spaces",
    fixable=True,
    reason="""
        Queue names are compared letter by letter. Spaces around a name in quotes are part of it.
        """,
    bad="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
            agent_queue: "hybrid "
        """,
    good="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
            agent_queue: "hybrid"
        """,
)
def queue_with_spaces(project: Project) -> Iterator[Violation]:
    """The name of a queue has no spaces around it."""
    for location in _written_queues(project):
        queue = location.queue
        if queue is not None and queue.value.strip() and queue.value != queue.value.strip():
            yield Violation(
                position=queue.position,
                message=f"agent_queue {queue.value!r} has spaces around the name",
                instead=f"Write {queue.value.strip()!r}",
                edits=replacing(queue.node, queue.value, queue.value.strip()),
            )


@rule(
    "DS212",
    "registry-without-queue",
    severity=Severity.WARNING,
    reason="""
        `build.registry` says how a location is built. Where it runs is decided by `agent_queue`
        alone. In a repository that also has serverless locations, a hybrid location without a queue
        goes to the default queue, where the serverless agent takes it: with an image that it may
        not be able to pull.
        """,
    bad={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
              - location_name: train
                code_source:
                  package_name: train
                build:
                  directory: train
                  registry: registry.example.com/train
            """,
        "train/Dockerfile": "FROM python:3.12-slim\n",
    },
    good={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
              - location_name: train
                code_source:
                  package_name: train
                build:
                  directory: train
                  registry: registry.example.com/train
                agent_queue: hybrid
            """,
        "train/Dockerfile": "FROM python:3.12-slim\n",
    },
)
def registry_without_queue(project: Project) -> Iterator[Violation]:
    """In a mixed repository a hybrid location names the queue of its agent."""
    others = [each for each in project.locations if each.kind is Kind.SERVERLESS]
    for location in project.locations if others else ():
        if location.registry is not None and location.kind is Kind.HYBRID and not location.queue:
            yield Violation(
                position=location.registry.position,
                message=f"{location.name.value!r} is built for an agent and names no agent_queue: "
                f"it goes to the default queue, as the serverless {others[0].name.value!r} does",
                instead="Add 'agent_queue: NAME' with a queue that your hybrid agent serves",
            )


@rule(
    "DS213",
    "ambiguous-location",
    severity=Severity.WARNING,
    reason="""
        A location is serverless, hybrid or prebuilt. `build.registry` shows that an image is built,
        `image` that one exists. With a queue or a container context and neither of them, tools have
        to guess how to build it: the official ones build a PEX file or an image depending on the
        deployment, not on the location.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            agent_queue: hybrid
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            image: registry.example.com/etl:1
            agent_queue: hybrid
        """,
)
def ambiguous_location(project: Project) -> Iterator[Violation]:
    """It is clear how a location is built."""
    for location in project.definitions:
        # Nothing reads what repeats a location that is deployed from elsewhere.
        if location.file in project.repeated:
            continue
        result = location.classification
        null_registry = location.node.get("build", "registry")
        queue = location.queue
        # Other rules report empty registries and queues that do not exist.
        if result.kind is not Kind.AMBIGUOUS or null_registry is not None:
            continue
        if queue is not None and result.node is queue.node and not queue.value.strip():
            continue
        yield Violation(
            position=result.position,
            message=f"{location.name.value!r} is ambiguous: {result.reason}",
            instead=result.settle or "",
        )


def _written_queues(project: Project) -> Iterator[Location]:
    """Locations with a queue, each place where one is written once."""
    seen: set[int] = set()
    for location in project.definitions:
        if location.queue is not None and id(location.queue.node) not in seen:
            seen.add(id(location.queue.node))
            yield location
