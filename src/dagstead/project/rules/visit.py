"""Ways through a project that several rules take."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator

from dagstead.project.families import Family
from dagstead.project.model import ConfigFile, Kind, Project
from dagstead.project.nodes import Entry, Node, NodeKind
from dagstead.project.source import Position

#: Letters and digits of a key: ``agent-queue``, ``agentQueue`` and ``agent_queue`` are one.
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")


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


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    known = list(known)
    plain = {_NOT_LETTERS.sub("", each.lower()): each for each in known}
    same = plain.get(_NOT_LETTERS.sub("", name.lower()))
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
    return same or (close[0] if close else None)


def is_same_word(name: str, known: str) -> bool:
    """Whether two keys differ in case, hyphens and the like only."""
    return _NOT_LETTERS.sub("", name.lower()) == _NOT_LETTERS.sub("", known.lower())


def kind_of(node: Node) -> str:
    """What a value is, for a sentence."""
    match node.kind:
        case NodeKind.MAPPING:
            return "a mapping"
        case NodeKind.SEQUENCE:
            return "a list"
        case NodeKind.BROKEN:
            return "not readable"
        case NodeKind.SCALAR:
            pass
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    return "empty" if node.value is None else names.get(type(node.value), "another value")


def at_file(file: ConfigFile) -> Position:
    """The beginning of a file's first word, where the whole of it is meant."""
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


def lines_of(file: ConfigFile) -> Iterator[tuple[int, str]]:
    """The lines of a file with their offsets, without those that are only a comment."""
    offset = 0
    for line in file.source.text.splitlines(keepends=True):
        if not line.lstrip().startswith("#"):
            yield offset, line
        offset += len(line)


def is_outside(path: str) -> bool:
    """Whether a normalized path leaves the folder that it is relative to."""
    return path == ".." or path.startswith(("../", "/"))
