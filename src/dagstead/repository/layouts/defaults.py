"""Writes what all locations of a file have in common once, as ``defaults``."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.model.cloud_keys import DEFAULTS_KEYS
from dagstead.model.nodes import Entry, Node, mapping
from dagstead.model.source import Edit, SourceText
from dagstead.repository.layouts.edits import removed
from dagstead.repository.layouts.entries import as_block_list, locations_entry
from dagstead.repository.layouts.rendering import key_lines
from dagstead.repository.layouts.sheet import Sheet

_FEWEST = 2


def with_common_defaults(source: SourceText) -> SourceText:
    """The text with ``defaults`` of what every entry says alike; it has no ``defaults`` yet.

    ``build.directory`` stays with its entry, because two locations hardly share one.
    """
    if Sheet(source).root.get("defaults") is not None:
        return source
    source = as_block_list(source)
    items = _items(Sheet(source))
    if len(items) < _FEWEST:
        return source
    common: list[tuple[str, Node]] = []
    for key in DEFAULTS_KEYS:
        path = ("build", "registry") if key == "build" else (key,)
        shared = _shared(_items(Sheet(source)), path)
        if shared is not None:
            source = _without(source, path)
            common.append((key, shared))
    return _with_defaults(source, common) if common else source


def _shared(items: Sequence[Node], path: Sequence[str]) -> Node | None:
    """The value that all have at a path, when all write it themselves."""
    values = [each.get(*path) for each in items]
    parents = [each.get(*path[:-1]) for each in items]
    first = values[0]
    if first is None or first.is_null or not (first.text or first.entries):
        return None
    for value, parent in zip(values, parents, strict=True):
        entry = None if parent is None else parent.entry(path[-1])
        inside = parent is not None and entry is not None and parent.start <= entry.key.start
        if value is None or repr(value.plain()) != repr(first.plain()) or not inside:
            return None
        if entry is None or entry.merged or value.start < entry.key.start:
            return None
    return first


def _without(source: SourceText, path: Sequence[str]) -> SourceText:
    sheet = Sheet(source)
    edits: list[Edit] = []
    for item in _items(sheet):
        within = item.get(*path[:-1])
        entry = None if within is None else within.entry(path[-1])
        if within is None or entry is None:
            continue
        if len(within.entries) == 1:
            within, entry = item, item.entry(path[0])
        if entry is not None:
            edits.append(removed(sheet, within, entry))
    return source.edited(edits)


def _with_defaults(source: SourceText, common: Sequence[tuple[str, Node]]) -> SourceText:
    sheet = Sheet(source)
    at = locations_entry(sheet).key
    entries = tuple(_entry(key, node, at) for key, node in common)
    column = sheet.column(at.start)
    first, *more = key_lines("defaults", mapping(entries, at), column, sheet.step())
    lines = [" " * column + first, *more]
    text = "".join(f"{each}{sheet.newline}" for each in lines)
    start = sheet.lines[sheet.line_at(at.start)].start
    return source.edited([Edit(start=start, end=start, text=text)])


def _entry(key: str, node: Node, at: Node) -> Entry:
    if key == "build":
        inner = Entry(Node(at.kind, "registry", node.source, 0, 0), node)
        node = mapping((inner,), at)
    return Entry(Node(at.kind, key, node.source, 0, 0), node)


def _items(sheet: Sheet) -> Sequence[Node]:
    return locations_entry(sheet).value.items
