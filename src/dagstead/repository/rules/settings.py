"""DS130: ``[tool.dagstead]``, our own settings of a repository."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node, kind_of
from dagstead.model.words import nearest
from dagstead.repository.ci.serverless_images import SERVERLESS_IMAGES
from dagstead.repository.files.project import Project
from dagstead.repository.files.settings import patterns_of, settings_table
from dagstead.repository.rules.base import Violation, rule

#: What each key is a list of, as it would be written.
_KEYS = {
    "exclude": 'exclude = ["examples/"]',
    "watch": 'watch = ["../dbt_project/**"]',
    "before-build": 'before-build = ["dbt parse"]',
}
#: What is yes or no.
_SWITCHES = {SERVERLESS_IMAGES: f"{SERVERLESS_IMAGES} = true"}
#: What counts at the root alone.
_OF_ROOT = "exclude"
#: What may be a single text, too.
_WATCH = "watch"


@rule(
    "DS130",
    "dagstead-settings",
    reason="""
        `[tool.dagstead]` in a `pyproject.toml` has three lists: `exclude`, at the root of the
        repository, has patterns as in `.gitignore` for files that are no configuration of it;
        `watch` has the paths that a location is made from as well; `before-build` has commands
        that run before it is built. `serverless-images` says whether serverless locations that have
        a Dockerfile are built as images. A setting that nobody reads has no effect, and nobody
        would notice.
        """,
    bad={
        "pyproject.toml": """
            [project]
            name = "etl"
            dependencies = ["dagster", "dagster-cloud"]

            [tool.dagstead]
            excludes = ["examples/"]
            """,
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
            """,
    },
    good={
        "pyproject.toml": """
            [project]
            name = "etl"
            dependencies = ["dagster", "dagster-cloud"]

            [tool.dagstead]
            exclude = ["examples/"]
            """,
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
            """,
    },
)
def dagstead_settings(project: Project) -> Iterator[Violation]:
    """Dagstead's settings are known ones, with values of their types."""
    for file in project.files:
        table = settings_table(file)
        if table is None:
            continue
        if not table.is_mapping:
            yield _wrong(table, f"tool.dagstead is {kind_of(table)}, not a table", _KEYS[_OF_ROOT])
            continue
        if file.folder and table.get(_OF_ROOT) is not None:
            yield Violation(
                position=table.position,
                message="exclude counts at the root of a repository, not in a folder of it",
                instead="Move it to pyproject.toml at the root",
            )
        yield from _of_table(table)


def _of_table(table: Node) -> Iterator[Violation]:
    for entry in table.entries:
        key = str(entry.key.value)
        if key in _SWITCHES:
            if not isinstance(entry.value.value, bool):
                message = f"{key} is {kind_of(entry.value)}, not true or false"
                instead = f"Write {_SWITCHES[key]}"
                yield Violation(position=entry.value.position, message=message, instead=instead)
        elif key not in _KEYS:
            known = [*_KEYS, *_SWITCHES]
            meant = nearest(key, known)
            yield Violation(
                position=entry.key.position,
                message=f"{key!r} is not a key of tool.dagstead",
                instead=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}",
            )
        else:
            yield from _of_list(key, entry.value)


def _of_list(key: str, value: Node) -> Iterator[Violation]:
    if not value.is_sequence:
        if key != _WATCH or not isinstance(value.value, str):
            yield _wrong(value, f"{key} is {kind_of(value)}, not a list", _KEYS[key])
    elif key == _OF_ROOT:
        for node, why in patterns_of(value):
            if why is not None:
                yield _wrong(node, f"a pattern of exclude cannot be read: {why}", _KEYS[key])
    else:
        for node in value.items:
            if not isinstance(node.value, str):
                yield _wrong(node, f"a value of {key} is {kind_of(node)}, not text", _KEYS[key])


def _wrong(node: Node, message: str, example: str) -> Violation:
    return Violation(position=node.position, message=message, instead=f"Write a list: {example}")
