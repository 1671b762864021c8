"""DS130: ``[tool.dagstead]``, our own settings of a repository."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node, kind_of
from dagstead.model.words import nearest
from dagstead.repository.files.project import Project
from dagstead.repository.files.settings import patterns_of, settings_table
from dagstead.repository.rules.base import Violation, rule

_KEYS = ("exclude",)
_INSTEAD = 'Write a list of patterns as in .gitignore: exclude = ["examples/"]'


@rule(
    "DS130",
    "dagstead-settings",
    reason="""
        `[tool.dagstead]` in the `pyproject.toml` at the root says which files are no configuration
        of this repository: `exclude` is a list of patterns as in `.gitignore`. A setting that
        nobody reads would leave nothing out, and nobody would notice.
        """,
    bad={
        "pyproject.toml": """
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
            yield _wrong(table, f"tool.dagstead is {kind_of(table)}, not a table")
            continue
        if file.folder:
            yield Violation(
                position=table.position,
                message="these settings count at the root of a repository, not in a folder of it",
                instead="Move them to pyproject.toml at the root",
            )
            continue
        yield from _of_table(table)


def _of_table(table: Node) -> Iterator[Violation]:
    for entry in table.entries:
        key = str(entry.key.value)
        if key not in _KEYS:
            meant = nearest(key, _KEYS)
            yield Violation(
                position=entry.key.position,
                message=f"{key!r} is no key of tool.dagstead",
                instead=f"Did you mean {meant!r}?" if meant else f"Known is {', '.join(_KEYS)}",
            )
        elif not entry.value.is_sequence:
            yield _wrong(entry.value, f"exclude is {kind_of(entry.value)}, not a list")
    for node, why in patterns_of(table):
        if why is not None:
            yield _wrong(node, f"a pattern of exclude cannot be read: {why}")


def _wrong(node: Node, message: str) -> Violation:
    return Violation(position=node.position, message=message, instead=_INSTEAD)
