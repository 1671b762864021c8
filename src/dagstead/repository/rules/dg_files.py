"""DS30x: dg's files (``dagster_dg_core.config`` and ``context``)."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node, kind_of
from dagstead.model.words import nearest
from dagstead.repository.files.dg import dg_files, dg_section, directory_type, workspace_projects
from dagstead.repository.files.project import ConfigFile, Project, is_outside
from dagstead.repository.rules.base import Severity, Violation, rule
from dagstead.repository.rules.visit import at_file, folder_exists, unique_entries

_PROJECT_KEYS = (
    "root_module",
    "defs_module",
    "code_location_target_module",
    "code_location_name",
    "registry_modules",
    "agent_queue",
    "image",
    "python_environment",
)
_WORKSPACE_KEYS = ("projects", "scaffold_project_options")
_PROJECT = """
    [project]
    name = "etl"
    version = "1"
    dependencies = ["dagster", "dagster-cloud"]
    """
_PYPROJECT = f"""{_PROJECT}
    [tool.dg]
    directory_type = "project"

    [tool.dg.project]
    root_module = "etl"
    """


@rule(
    "DS301",
    "build-yaml-key",
    reason="""
        dg reads `build.yaml` as a flat mapping of `registry` and `directory`. A list of locations
        in it, as some pages show it, ends up below `build` and is refused with "Extra inputs are
        not permitted". A project is one location; its queue is `agent_queue` in
        `[tool.dg.project]`.
        """,
    bad={
        "pyproject.toml": _PYPROJECT,
        "build.yaml": """
            locations:
              - location_name: etl
                registry: registry.example.com/etl
            """,
    },
    good={
        "pyproject.toml": _PYPROJECT,
        "build.yaml": "registry: registry.example.com/etl\n",
        "Dockerfile": "FROM python:3.12-slim\n",
    },
)
def build_yaml_key(project: Project) -> Iterator[Violation]:
    """`build.yaml` holds `registry` and `directory`, nothing else."""
    for file in project.files_of(Family.DG_BUILD):
        root = file.root
        if root is not None and not root.is_mapping:
            yield Violation(
                position=root.position,
                message=f"build.yaml holds {kind_of(root)}, not a mapping",
                instead="Write 'registry: …' and 'directory: …'",
            )
        for entry in () if root is None else unique_entries(root):
            if entry.key.value not in {"registry", "directory"}:
                yield Violation(
                    position=entry.key.position,
                    message=f"{entry.key.value!r} is not a key of build.yaml",
                    instead=_BUILD_INSTEAD.get(
                        str(entry.key.value), "Known are registry and directory"
                    ),
                )


_BUILD_INSTEAD = {
    "locations": "Write 'registry: …' and 'directory: …' at the top level: a project is one "
    "location",
    "agent_queue": "Write agent_queue in [tool.dg.project] of pyproject.toml",
    "container_context": "Write it in container_context.yaml beside this file",
}


@rule(
    "DS302",
    "dg-settings",
    reason="""
        dg refuses settings with a missing `directory_type` or `root_module`, with a key that it
        does not know, or with a value of another type.
        """,
    bad={"pyproject.toml": f'{_PYPROJECT}queue = "hybrid"\n'},
    good={"pyproject.toml": _PYPROJECT},
)
def dg_settings(project: Project) -> Iterator[Violation]:
    """Dg's settings have the form that dg reads."""
    for file in dg_files(project.files).values():
        section = dg_section(file)
        if section is None:
            continue
        kind = directory_type(file)
        if not section.is_mapping or kind not in {"project", "workspace"}:
            wrong = section.get("directory_type") or section
            yield Violation(
                position=wrong.position,
                message="dg's settings do not say whether this is a project or a workspace",
                instead='Write directory_type = "project" or "workspace"',
            )
            continue
        known = _PROJECT_KEYS if kind == "project" else _WORKSPACE_KEYS
        yield from _unknown_keys(section, ("directory_type", "cli", kind), "tool.dg")
        table = section.get(kind)
        if table is not None:
            yield from _unknown_keys(table, known, f"tool.dg.{kind}")
        if kind == "project":
            yield from _project_values(file, table)


@rule(
    "DS303",
    "no-such-project",
    reason="""
        A workspace lists the folders of its projects. dg stops at the first one that is not there.
        """,
    bad={
        "dg.toml": """
            directory_type = "workspace"

            [[workspace.projects]]
            path = "elt"
            """,
        "etl/pyproject.toml": _PYPROJECT,
    },
    good={
        "dg.toml": """
            directory_type = "workspace"

            [[workspace.projects]]
            path = "etl"
            """,
        "etl/pyproject.toml": _PYPROJECT,
    },
)
def no_such_project(project: Project) -> Iterator[Violation]:
    """The projects of a workspace exist."""
    for file in dg_files(project.files).values():
        for folder, node in workspace_projects(file):
            if not is_outside(folder) and not folder_exists(project, folder):
                yield Violation(
                    position=node.position,
                    message=f"there is no folder {folder!r}, a project of this workspace",
                    instead="Write the path of its folder, or remove the entry",
                )


@rule(
    "DS304",
    "hidden-settings",
    severity=Severity.WARNING,
    reason="""
        Where there is a `dg.toml`, dg does not read `[tool.dg]` of the `pyproject.toml` beside it.
        """,
    bad={
        "pyproject.toml": _PYPROJECT,
        "dg.toml": """
            directory_type = "project"

            [project]
            root_module = "etl"
            """,
    },
    good={"pyproject.toml": _PYPROJECT},
)
def hidden_settings(project: Project) -> Iterator[Violation]:
    """Dg's settings are in one of the two files."""
    chosen = dg_files(project.files)
    for file in project.files_of(Family.DG):
        section = dg_section(file)
        if section is not None and chosen[file.folder] is not file:
            yield Violation(
                position=section.position,
                message=f"dg reads {chosen[file.folder].path} and not these settings",
                instead="Keep one of the two",
            )


def _unknown_keys(table: Node, known: tuple[str, ...], place: str) -> Iterator[Violation]:
    for entry in table.entries:
        key = str(entry.key.value)
        if key not in known:
            meant = nearest(key, known) or ("agent_queue" if key == "queue" else None)
            yield Violation(
                position=entry.key.position,
                message=f"{key!r} is not a key of {place}",
                instead=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}",
            )


def _project_values(file: ConfigFile, table: Node | None) -> Iterator[Violation]:
    if table is None or table.entry("root_module") is None:
        yield Violation(
            position=at_file(file) if table is None else table.position,
            message="the dg project has no root_module",
            instead='Write root_module = "NAME" in [tool.dg.project]',
        )
    for key in ("root_module", "code_location_name", "agent_queue", "image"):
        value = None if table is None else table.get(key)
        if value is not None and value.text is None:
            yield Violation(
                position=value.position,
                message=f"{key} is {kind_of(value)}, not text",
                instead=f'Write {key} = "…"',
            )
