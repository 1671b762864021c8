"""Joins several lists of locations in one file, as ``cat`` makes them of several files.

Of two keys of the same name, YAML's readers take the last one, so all lists but the last are lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.model.families import Family
from dagstead.model.nodes import Entry, Node
from dagstead.model.source import Edit, Position, SourceText
from dagstead.repository.files.families import variant_of
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.files.reader import with_changes
from dagstead.repository.files.yaml_reader import read_yaml
from dagstead.repository.layouts.sheet import Line, Sheet, Stretch, odd_break

_MARK = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:#[^\r\n]*)?$", re.MULTILINE)
_KEYS = frozenset({"locations"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ListEntry:
    """An entry of one of the lists."""

    node: Node
    #: Where the list begins that it is in.
    list_position: Position
    #: Whether a later list hides it.
    lost: bool

    @property
    def name(self) -> str:
        """The name of its location, empty when it has none."""
        node = self.node.get("location_name")
        return "" if node is None else node.text or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MergedLists:
    """A file with several lists."""

    path: str
    #: The text that can be read as one document.
    source: SourceText
    #: The entries of all lists, in their order.
    entries: tuple[ListEntry, ...]


def broken_files(project: Project) -> Iterator[MergedLists]:
    """The files whose locations are in several lists, where only one counts."""
    for file in project.files_of(Family.CLOUD):
        if not variant_of(file.path) and file.template_tag is None:
            broken = _broken(file)
            if broken is not None:
                yield broken


def obstacles(broken: MergedLists) -> Iterator[str]:
    """Why the lists of a file cannot be put together, with places."""
    odd = odd_break(broken.source)
    if odd is not None:
        yield odd
        return
    sheet = Sheet(broken.source)
    for entry in sheet.root.entries:
        if entry.key.value not in _KEYS:
            yield (
                f"{entry.key.position}: {entry.key.value!r} was about one of the lists, and which "
                "one is not known any more. Write it into the entries that it is for, and remove "
                "it."
            )
    for entry in _lists(sheet.root):
        if entry.value.items and sheet.listing(entry) is None:
            yield f"{entry.key.position}: write this list with a dash before each entry."
    yield from _odd_entries(broken)


def _odd_entries(broken: MergedLists) -> Iterator[str]:
    for each in broken.entries:
        if not each.name:
            yield f"{each.node.position}: this entry has no location_name. Give it one."
    first: dict[str, ListEntry] = {}
    for each in broken.entries:
        other = first.setdefault(each.name, each)
        if repr(other.node.plain()) != repr(each.node.plain()):
            yield (
                f"{each.node.position}: {each.name!r} is in {other.node.position}, too, and "
                "says something else. Keep one."
            )


def merge_lists(broken: MergedLists) -> SourceText:
    """The text with all entries in the first list, each once. Paths are as they were."""
    sheet = Sheet(broken.source)
    lists = _lists(sheet.root)
    column = next((found[0] for each in lists if (found := sheet.listing(each))), 0)
    edits: list[Edit] = []
    seen: set[str] = set()
    for number, entry in enumerate(lists):
        if number:
            edits.append(_without_key(sheet, entry))
        listing = sheet.listing(entry)
        own, stretches = listing or (column, ())
        for item, stretch in zip(entry.value.items, stretches, strict=True):
            name = item.get("location_name")
            text = "" if name is None else name.text or ""
            if text in seen:
                edits.append(Edit(start=stretch.body, end=stretch.end, text=""))
            elif own != column:
                edits += _indented(sheet, stretch, column - own)
            seen.add(text)
    return broken.source.edited(edits)


def with_merged_lists(project: Project) -> Project:
    """The project with the lists of each such file put together; others stay broken."""
    changes: dict[str, bytes | None] = {
        each.path: merge_lists(each).encode()
        for each in broken_files(project)
        if not list(obstacles(each))
    }
    return with_changes(project, changes) if changes else project


def _broken(file: ConfigFile) -> MergedLists | None:
    source = file.source
    if file.parsed.root is None:
        source = _one_document(source)
    root = read_yaml(source).root
    lists = () if root is None else _lists(root)
    if len(lists) < 2:  # noqa: PLR2004 - one list is right
        return None
    entries = tuple(
        ListEntry(node=item, list_position=each.key.position, lost=each is not lists[-1])
        for each in lists
        for item in each.value.items
    )
    return MergedLists(path=file.path, source=source, entries=entries)


def _one_document(source: SourceText) -> SourceText:
    """The text without the marks between documents; every line stays."""
    edits = [
        Edit(start=each.start(), end=each.start() + 3, text="")
        for each in _MARK.finditer(source.text)
    ]
    return source.edited(edits)


def _lists(root: Node) -> tuple[Entry, ...]:
    return tuple(each for each in root.entries if each.key.value == "locations" and not each.merged)


def _without_key(sheet: Sheet, entry: Entry) -> Edit:
    """The line of a key goes; a comment behind it stays."""
    line = sheet.lines[sheet.line_at(entry.key.start)]
    written = sheet.text[line.start : line.end]
    found = re.search(r"\s(#[^\r\n]*)", written)
    text = f"{found[1].rstrip()}{sheet.newline}" if found else ""
    return Edit(start=line.start, end=line.end, text=text)


def _indented(sheet: Sheet, stretch: Stretch, by: int) -> Iterator[Edit]:
    for line in sheet.lines[sheet.line_at(stretch.start) :]:
        if line.start >= stretch.end:
            return
        if not _is_empty(sheet, line):
            less = min(-by, line.indent)
            if by > 0:
                yield Edit(start=line.start, end=line.start, text=" " * by)
            elif less:
                yield Edit(start=line.start, end=line.start + less, text="")


def _is_empty(sheet: Sheet, line: Line) -> bool:
    return not sheet.text[line.start : line.end].strip()
