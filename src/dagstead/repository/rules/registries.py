"""DS23x: where images are pushed, and texts that nothing fills in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.location import Kind, Location, Value
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import (
    Severity,
    Violation,
    replacing,
    rule,
)
from dagstead.repository.rules.visit import entries_and_defaults

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_ADDRESS = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*")
_TAG = re.compile(r"(?<=[^/:])(?::(?!\d+/)[\w.-]+|@sha256:[0-9a-f]*)$")
_SCHEME = re.compile(r"^[a-z]+://", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"<[^>]*>|^\.\.\.$|\byour[-_]|\bmy[-_]?registry\b|REGISTRY_UR[IL]", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{[^{}]*\}|\$\([^()]*\)|\$[A-Za-z_]\w*")


_PREBUILT = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
        image: registry.example.com/etl:{}
    """


def _hybrid(registry: str) -> dict[str, str]:
    text = f"""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            build:
              directory: .
              registry: {registry}
        """
    return {"dagster_cloud.yaml": text, "Dockerfile": "FROM python:3.12-slim\n"}


@rule(
    "DS230",
    "registry-with-tag",
    fixable=True,
    reason="""
        Each build adds its own tag: the image of `registry: host/etl:latest` would be
        `host/etl:latest:TAG`, which is not the name of an image. `--fix` removes the tag.
        """,
    bad=_hybrid("registry.example.com/etl:latest"),
    good=_hybrid("registry.example.com/etl"),
)
def registry_with_tag(project: Project) -> Iterator[Violation]:
    """A registry has no tag."""
    for _, registry in _registries(project):
        found = _TAG.search(registry.value)
        if found and not _is_unfilled(registry.value):
            yield Violation(
                position=registry.position,
                message=f"build.registry {registry.value!r} ends with a tag ({found[0]!r})",
                instead=f"Write {registry.value[: found.start()]!r}: each build adds its own tag",
                edits=replacing(registry.node, registry.value, registry.value[: found.start()]),
            )


@rule(
    "DS231",
    "registry-not-an-address",
    reason="""
        What is left of a template (`<account-id>`, `your-registry`) or has spaces or capitals is no
        place to push an image to. The build fails at its very end.
        """,
    bad=_hybrid("<account-id>.dkr.ecr.eu-central-1.amazonaws.com/etl"),
    good=_hybrid("123456789012.dkr.ecr.eu-central-1.amazonaws.com/etl"),
)
def registry_not_an_address(project: Project) -> Iterator[Violation]:
    """A registry is the address of a repository of images."""
    for _, registry in _registries(project):
        text = _SCHEME.sub("", _TAG.sub("", registry.value))
        placeholder = _PLACEHOLDER.search(registry.value)
        if _VARIABLE.search(registry.value) or "{{" in registry.value or not registry.value:
            continue
        if placeholder or not _ADDRESS.fullmatch(text):
            why = f"a placeholder ({placeholder[0]!r})" if placeholder else "no address of images"
            yield Violation(
                position=registry.position,
                message=f"build.registry {registry.value!r} is {why}",
                instead="Write host/path in small letters, as 'docker push' takes it",
            )


@rule(
    "DS232",
    "variable-not-filled-in",
    reason="""
        `dagster_cloud.yaml` is no shell script: `${NAME}` stays what it is, and becomes part of the
        image's name, the queue or the path.
        """,
    bad=_hybrid("${REGISTRY}/etl"),
    good=_hybrid("registry.example.com/etl"),
)
def variable_not_filled_in(project: Project) -> Iterator[Violation]:
    """No value waits for a variable that nothing fills in."""
    seen: set[int] = set()
    for location in project.definitions:
        for key, value in _texts(location):
            found = _VARIABLE.search(value.value)
            if found and "{{" not in value.value and id(value.node) not in seen:
                seen.add(id(value.node))
                yield Violation(
                    position=value.position,
                    message=f"{key} {value.value!r} holds {found[0]}, which nothing fills in",
                    instead="Write the value itself, or make the file from a template before the "
                    "deploy ('dagster-cloud ci template')",
                )


@rule(
    "DS233",
    "empty-registry",
    severity=Severity.WARNING,
    reason="""
        `registry:` with nothing behind it, or with a comment only, is `null`, as if it were not
        written: no image is built, although the file looks as if one were.
        """,
    bad=_hybrid("# to be decided"),
    good=_hybrid("registry.example.com/etl"),
)
def empty_registry(project: Project) -> Iterator[Violation]:
    """A registry that is written has a value."""
    for entry in entries_and_defaults(project):
        build = entry.get("build")
        found = None if build is None else build.entry("registry")
        if found is not None and (found.value.is_null or found.value.text == ""):
            yield Violation(
                position=found.key.position,
                message="build.registry is empty, which is as if it were not written",
                instead="Write the registry, or remove the key",
            )


@rule(
    "DS234",
    "registry-with-scheme",
    fixable=True,
    reason="""
        Docker takes `host/path`. With `https://` in front every push is refused. `--fix` removes
        it.
        """,
    bad=_hybrid("https://registry.example.com/etl"),
    good=_hybrid("registry.example.com/etl"),
)
def registry_with_scheme(project: Project) -> Iterator[Violation]:
    """A registry has no scheme."""
    for _, registry in _registries(project):
        found = _SCHEME.search(registry.value)
        if found:
            yield Violation(
                position=registry.position,
                message=f"build.registry {registry.value!r} begins with {found[0]}",
                instead=f"Write {registry.value[found.end() :]!r}",
                edits=replacing(registry.node, found[0], ""),
            )


def problem_of_registry(text: str) -> str | None:
    """What is wrong with a registry, as the end of a sentence; ``None`` for a good one."""
    if _SCHEME.search(text):
        return "begins with a scheme"
    if _TAG.search(text):
        return "ends with a tag, and each build adds its own"
    if _is_unfilled(text) or not _ADDRESS.fullmatch(text):
        return "is not an address of images"
    return None


def _registries(project: Project) -> Iterator[tuple[Location, Value[str]]]:
    """Locations with a registry, each place where one is written once."""
    seen: set[int] = set()
    for location in project.definitions:
        if location.registry is not None and id(location.registry.node) not in seen:
            seen.add(id(location.registry.node))
            yield location, location.registry


def _is_unfilled(text: str) -> bool:
    return bool(_PLACEHOLDER.search(text) or _VARIABLE.search(text) or "{{" in text)


def _texts(location: Location) -> Iterator[tuple[str, Value[str]]]:
    source = location.code_source
    values = {
        "location_name": location.name,
        "agent_queue": location.queue,
        "build.registry": location.registry,
        "build.directory": location.build_directory,
        "image": location.image,
        "working_directory": location.working_directory,
        "executable_path": location.executable_path,
        "code_source": None if source is None else source.target,
    }
    return ((key, value) for key, value in values.items() if value is not None)


@rule(
    "DS235",
    "image-tag-moves",
    severity=Severity.WARNING,
    reason="""
        `latest`, which is meant where there is no tag, is another image after every push. What runs
        depends on when the agent pulled it, a push deploys nothing, and going back to an earlier
        release does not bring its code back.
        """,
    bad={"dagster_cloud.yaml": _PREBUILT.format("latest")},
    good={"dagster_cloud.yaml": _PREBUILT.format("2026-03-01")},
)
def image_tag_moves(project: Project) -> Iterator[Violation]:
    """An image that exists is named by a tag of its own."""
    for location in project.definitions:
        image = location.image
        if image is None or location.kind is not Kind.PREBUILT or _is_unfilled(image.value):
            continue
        tag = image.value.rpartition("/")[2].partition(":")[2]
        if image.value and "@" not in image.value and tag in {"", "latest"}:
            what = "the tag 'latest'" if tag else "no tag, which is 'latest'"
            yield Violation(
                position=image.position,
                message=f"image {image.value!r} of {location.name.value!r} has {what}: it is "
                "another image after every push",
                instead="Write a tag that is pushed once, or a digest",
            )
