"""DS25x: settings that agents refuse (``create_from_config`` of the class of each platform)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import Violation, rule
from dagstead.repository.rules.containers.judge import Fault, Objection, refusals
from dagstead.repository.rules.containers.schema import container_schema
from dagstead.repository.rules.visit import roots

_GOOD = """
    locations:
      - location_name: etl
        image: registry.example.com/etl:1
        code_source:
          package_name: etl
        container_context:
          k8s:
            env_secrets: [warehouse]
          ecs:
            server_resources: {cpu: "512", memory: "2048"}
    """


@rule(
    "DS250",
    "container-context-key",
    reason="""
        The agent of a platform reads its part of `container_context` when it starts the code
        server, and refuses a key that it does not know: the location fails to load. Raw
        configuration of Kubernetes (`container_config`, `pod_spec_config`, …) takes the fields of
        Kubernetes in snake_case or camelCase. The known keys are those of agents 1.13.
        """,
    bad=_GOOD.replace("env_secrets", "env_secret"),
    good=_GOOD,
)
def container_context_key(project: Project) -> Iterator[Violation]:
    """The agent of a platform knows every key below it."""
    return _found(project, Fault.KEY)


@rule(
    "DS251",
    "container-context-value",
    reason="""
        The agent of a platform refuses a value of another type than it expects, and a mapping that
        lacks what it needs: the location fails to load. YAML makes a number of `cpu: 512` where
        ECS wants text.
        """,
    bad=_GOOD.replace('"512"', "512"),
    good=_GOOD,
)
def container_context_value(project: Project) -> Iterator[Violation]:
    """Every value below a platform has the type that its agent expects."""
    return _found(project, Fault.VALUE)


def _found(project: Project, fault: Fault) -> Iterator[Violation]:
    seen: set[tuple[str, int, int, str]] = set()
    for each in _refusals(project):
        node = each.node
        place = (node.source.file, node.start, node.end, each.message)
        if each.fault is fault and place not in seen:
            seen.add(place)
            yield Violation(position=node.position, message=each.message, instead=each.instead)


def _refusals(project: Project) -> Iterator[Objection]:
    """What is refused in locations as they are deployed, and in what they may inherit."""
    whole = (each.node.get("container_context") for each in project.definitions)
    parts = chain(
        (each.root for each in project.files_of(Family.DG_CONTEXT)),
        (each.get("defaults", "container_context") for each in roots(project)),
    )
    yield from _each(whole, whole=True)
    yield from _each(parts, whole=False)


def _each(contexts: Iterator[Node | None], *, whole: bool) -> Iterator[Objection]:
    for context in contexts:
        if context is not None:
            yield from refusals(context, container_schema(), whole=whole)
