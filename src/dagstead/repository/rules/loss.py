"""DS20x: what is written and silently lost or contradicted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from dagstead.model.families import Family
from dagstead.model.location import Location
from dagstead.model.nodes import Entry, Node
from dagstead.model.words import is_same_word
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import Severity, Violation, rule
from dagstead.repository.rules.containers.schema import Type, container_schema
from dagstead.repository.rules.visit import entries_and_defaults, unique_entries

#: Every agent reads these, whatever its platform.
_OF_ALL_PLATFORMS = ("env_vars",)
_OTHER_NAMES = {"kubernetes": "k8s", "kube": "k8s", "eks": "k8s", "gke": "k8s", "fargate": "ecs"}

_TWO = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
      - location_name: reports
        code_source:
          package_name: reports
    """


@rule(
    "DS201",
    "merged-files",
    reason="""
        `cat */dagster_cloud.yaml > dagster_cloud.yaml` makes one YAML document with several
        `locations` keys. YAML readers take the last one and drop the others without a word, and
        `dagster-cloud ci check` finds nothing wrong. A following
        `dagster-cloud deployment sync-locations` removes the lost locations from the deployment.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
        locations:
          - location_name: reports
            code_source:
              package_name: reports
        """,
    good=_TWO,
)
def merged_files(project: Project) -> Iterator[Violation]:
    """`locations` is written once."""
    for first, later in _duplicates(project):
        if first.key.value == "locations":
            lost = [each.get("location_name") for each in first.value.items]
            names = ", ".join(repr(each.text) for each in lost if each is not None and each.text)
            yield Violation(
                position=later.key.position,
                message=f"this 'locations' replaces the one in line {first.key.position.line}"
                + (f": {names} is lost" if names else ""),
                instead="Keep one 'locations:' and put every location below it; "
                "`dagstead migrate --repair` does",
            )


@rule(
    "DS202",
    "duplicate-key",
    reason="""
        Of two equal keys in one mapping, YAML readers take the last and drop the first without a
        word.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            attribute: defs
            attribute: all_defs
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            attribute: all_defs
        """,
)
def duplicate_key(project: Project) -> Iterator[Violation]:
    """A key is written once in a mapping."""
    for first, later in _duplicates(project):
        if first.key.value != "locations":
            yield Violation(
                position=later.key.position,
                message=f"{later.key.value!r} was written in line "
                f"{first.key.position.line} already; that value is lost",
                instead="Keep one of the two",
            )


@rule(
    "DS203",
    "contradicting-files",
    severity=Severity.WARNING,
    reason="""
        A repository may keep one file for each location and a root file with all of them. Then both
        say the same, or it depends on the folder of the deploy command what a location is. Files
        for different deployments (`dagster_cloud_prod.yaml`) may differ.
        """,
    bad={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
                build:
                  directory: ./etl
            """,
        "etl/dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  module_name: etl.definitions
            """,
    },
    good={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
                build:
                  directory: ./etl
            """,
        "etl/dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
            """,
    },
)
def contradicting_files(project: Project) -> Iterator[Violation]:
    """Two files that define a location say the same."""
    first: dict[tuple[str, str], Location] = {}
    for each in project.locations:
        first.setdefault((each.name.value, each.variant), each)
    for each in project.definitions:
        other = first.setdefault((each.name.value, each.variant), each)
        if other.file != each.file and _meaning(other) != _meaning(each):
            keys = sorted(
                key for key, value in _meaning(each).items() if value != _meaning(other)[key]
            )
            yield Violation(
                position=each.position,
                message=f"{each.name.value!r} is defined in {other.position} too, "
                f"and differs in {', '.join(keys)}",
                instead="Say the same in both, remove one, or give the locations different names",
            )


@rule(
    "DS204",
    "container-context-level",
    reason="""
        `container_context` has one mapping for each platform: `k8s`, `ecs`, `docker`. The command
        line accepts keys beside them, but no agent reads those.
        """,
    bad="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
            container_context:
              run_k8s_config: {}
        """,
    good="""
        locations:
          - location_name: etl
            image: registry.example.com/etl:1
            code_source:
              package_name: etl
            container_context:
              k8s:
                run_k8s_config: {}
        """,
)
def container_context_level(project: Project) -> Iterator[Violation]:
    """Settings of a platform are below the platform."""
    platforms = container_schema().platforms
    for context in _container_contexts(project):
        for key in (each.key for each in unique_entries(context)):
            instead = _advice(str(key.value), platforms)
            if instead is not None:
                yield Violation(
                    position=key.position,
                    message=f"{key.value!r} is beside the platforms, where no agent looks for it",
                    instead=instead,
                )


def _advice(key: str, platforms: Mapping[str, Type]) -> str | None:
    """What to write instead of a key of ``container_context``, ``None`` where it may be right."""
    platform = _misspelt(key, platforms)
    if platform is not None:
        return f"Did you mean {platform!r}?"
    meant = sorted(
        (name for name, each in platforms.items() if key in each["fields"]), reverse=True
    )
    if not meant or key in _OF_ALL_PLATFORMS:
        return None
    return f"Write it below {' or '.join(meant)}: 'container_context: {{{meant[0]}: {{{key}: …}}}}'"


def _misspelt(key: str, platforms: Iterable[str]) -> str | None:
    """The platform that a key names in another way."""
    if key in platforms:
        return None
    same = (each for each in platforms if is_same_word(key, each))
    return next(same, _OTHER_NAMES.get(key.lower()))


def _container_contexts(project: Project) -> Iterator[Node]:
    contexts = [each.get("container_context") for each in entries_and_defaults(project)]
    contexts += [each.root for each in project.files_of(Family.DG_CONTEXT)]
    return (each for each in contexts if each is not None)


def _duplicates(project: Project) -> Iterator[tuple[Entry, Entry]]:
    families = (Family.CLOUD, Family.DG_BUILD, Family.DG_CONTEXT, Family.AGENT, Family.HELM)
    for file in project.files_of(*families):
        yield from file.parsed.duplicates


def _meaning(location: Location) -> dict[str, object]:
    """What a location is, whichever file says it: paths are compared from the root."""
    meaning: dict[str, object] = {
        key: None if value is None else value.value
        for key, value in {
            "agent_queue": location.queue,
            "build.registry": location.registry,
            "image": location.image,
            "working_directory": location.working_directory,
            "executable_path": location.executable_path,
            "attribute": location.attribute,
            "container_context": location.container_context,
        }.items()
    }
    source = location.code_source
    meaning["code_source"] = None if source is None else (source.by, source.target.value)
    meaning["build.directory"] = posixpath.normpath(location.build_folder)
    return meaning
