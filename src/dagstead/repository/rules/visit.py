"""Ways through a project that several rules take."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.location import Kind
from dagstead.model.nodes import Entry, Node
from dagstead.model.source import Position
from dagstead.repository.files.project import ConfigFile, Project


def cloud_files(project: Project) -> Iterator[ConfigFile]:
    """``dagster_cloud.yaml`` and its like."""
    return project.files_of(Family.CLOUD)


def roots(project: Project) -> Iterator[Node]:
    """The documents of ``dagster_cloud.yaml`` files that are mappings."""
    return (each.root for each in cloud_files(project) if each.root and each.root.is_mapping)


def location_entries(project: Project) -> Iterator[Node]:
    """The entries of ``locations`` that are mappings, as they are written."""
    for root in roots(project):
        listed = root.get("locations")
        for entry in () if listed is None else listed.items:
            if entry.is_mapping:
                yield entry


def entries_and_defaults(project: Project) -> Iterator[Node]:
    """The same, and ``defaults``."""
    yield from location_entries(project)
    for root in roots(project):
        defaults = root.get("defaults")
        if defaults is not None and defaults.is_mapping:
            yield defaults


def unique_entries(node: Node) -> Iterator[Entry]:
    """The entries of a mapping that count: the last of each key."""
    last = {(type(each.key.value), each.key.value): each for each in node.entries}
    yield from last.values()


def at_file(file: ConfigFile) -> Position:
    """The start of a file's first word, for findings about the whole file."""
    text = file.source.text
    start = len(text) - len(text.lstrip())
    return file.source.position(start if start < len(text) else 0, start)


def is_mixed(project: Project) -> bool:
    """Whether a deploy of the project builds both serverless and hybrid locations."""
    kinds = {each.kind for each in project.locations}
    return Kind.SERVERLESS in kinds and Kind.HYBRID in kinds


def folder_exists(project: Project, path: str) -> bool:
    """Whether there is such a folder, by its path from the root."""
    return os.path.isdir(f"{project.root}/{path}")  # noqa: PTH112 - asked of every location


def file_exists(project: Project, path: str) -> bool:
    """Whether there is such a file, by its path from the root."""
    return os.path.isfile(f"{project.root}/{path}")  # noqa: PTH113 - asked of every location
