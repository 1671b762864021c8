"""The entries of a ``dagster_cloud.yaml``: made ready to be moved by edits of its text."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

import yaml

from dagstead.model.nodes import Entry, Node
from dagstead.model.source import Edit, SourceText
from dagstead.repository.files.merge import merge, without_nulls
from dagstead.repository.layouts.edits import added, filled, is_flow, removed, replaced, rewritten
from dagstead.repository.layouts.rendering import flow_text, item_lines, text_node
from dagstead.repository.layouts.sheet import Sheet, text_lines

#: Each round adds one key to a mapping; there are not so many.
_MOST_ROUNDS = 100
_COLUMN = 2


def locations_entry(sheet: Sheet) -> Entry:
    """The entry of ``locations``, which must be there."""
    entry = sheet.root.entry("locations")
    if entry is None:
        msg = f"{sheet.source.file} has no locations"
        raise ValueError(msg)
    return entry


def as_block_list(source: SourceText) -> SourceText:
    """The text with ``locations`` as a list with dashes, one item a line or more.

    A file that is written so already stays as it is.
    """
    sheet = Sheet(source)
    entry = locations_entry(sheet)
    whole = is_flow(sheet, sheet.root) or entry.merged or _has_marked_key(sheet)
    if not whole and sheet.listing(entry) is not None:
        return source
    if whole:
        return source.edited([Edit(start=0, end=len(source.text), text=_as_block(sheet))])
    start, end = sheet.value_span(entry)
    column = sheet.column(entry.key.start) + _COLUMN
    lines = list(_items(sheet, entry.value, column))
    text = sheet.newline + sheet.newline.join(lines)
    return source.edited([Edit(start=_line_end_before(sheet, start), end=end, text=text)])


def without_outer_brackets(source: SourceText) -> SourceText:
    """The text with each key of the file on a line of its own, where all of it is in brackets."""
    sheet = Sheet(source)
    if not is_flow(sheet, sheet.root):
        return source
    return source.edited([Edit(start=0, end=len(source.text), text=_as_block(sheet))])


def with_directories(source: SourceText, directories: Mapping[int, str]) -> SourceText:
    """The text with other values of ``build.directory``, by the index of the entry."""
    sheet = Sheet(source)
    items = locations_entry(sheet).value.items
    edits = [_directory_edit(sheet, items[index], each) for index, each in directories.items()]
    return source.edited(edits)


def with_defaults(source: SourceText, indices: Iterable[int]) -> SourceText:
    """The text with ``defaults`` written out in some entries, which have no aliases."""
    chosen = tuple(indices)
    for _ in range(_MOST_ROUNDS):
        sheet = Sheet(source)
        defaults = sheet.root.get("defaults")
        if defaults is None or not defaults.is_mapping:
            return source
        items = locations_entry(sheet).value.items
        edits = []
        for index in chosen:
            whole = merge(defaults, items[index])
            edits += list(_completed(sheet, without_nulls(defaults), items[index], whole))[:1]
        if not edits:
            return source
        source = source.edited(edits)
    msg = f"{source.file}: defaults cannot be written out"
    raise ValueError(msg)


def without_defaults(source: SourceText) -> SourceText:
    """The text without the key ``defaults``."""
    sheet = Sheet(source)
    entry = sheet.root.entry("defaults")
    if entry is None or entry.merged:
        return source
    return source.edited([removed(sheet, sheet.root, entry)])


def relative_directory(folder: str, build_folder: str, written: str | None) -> str:
    """``build.directory`` for a file in a folder, in the style of what was written.

    Both folders are relative to the root; an absolute one stays.
    """
    if build_folder.startswith("/"):
        return written or build_folder
    if written and posixpath.normpath(posixpath.join(folder, written)) == build_folder:
        return written
    path = posixpath.relpath(build_folder, folder or ".")
    plain = path in {".", ".."} or path.startswith("../")
    bare = written is not None and not written.startswith(".") and "/" in written
    return path if plain or bare else f"./{path}"


def _directory_edit(sheet: Sheet, item: Node, directory: str) -> Edit:
    value = text_node(directory, sheet.source)
    build = item.entry("build")
    if build is None:
        return added(sheet, item, "build", text_node({"directory": directory}, sheet.source))
    if not build.value.is_mapping:
        return filled(sheet, build, text_node({"directory": directory}, sheet.source))
    entry = build.value.entry("directory")
    if entry is None:
        return added(sheet, build.value, "directory", value)
    if entry.value.is_null:
        return filled(sheet, entry, value)
    return replaced(entry.value, directory)


def _completed(sheet: Sheet, general: Node, own: Node, whole: Node) -> Iterator[Edit]:
    for each in general.entries:
        key = str(each.key.value)
        entry = own.entry(key)
        wanted = whole.get(key)
        if wanted is None:
            continue
        if entry is None:
            yield added(sheet, own, flow_text(each.key), wanted)
        elif entry.value.is_null:
            yield filled(sheet, entry, wanted)
        elif entry.value.is_mapping and each.value.is_mapping:
            yield from _completed(sheet, each.value, entry.value, wanted)
        elif without_nulls(entry.value).plain() != wanted.plain():
            yield rewritten(sheet, entry, wanted)


def _as_block(sheet: Sheet) -> str:
    lines: list[str] = []
    for each in sheet.root.entries:
        if each.key.value == "locations":
            lines += ["locations:", *_items(sheet, each.value, _COLUMN)]
        else:
            lines.append(f"{flow_text(each.key)}: {_as_written(sheet, each.value, 0)}")
    return "".join(f"{each}{sheet.newline}" for each in lines)


def _has_marked_key(sheet: Sheet) -> bool:
    """Whether a key is written behind a question mark."""
    return any(each.kind is yaml.KeyToken for each in sheet.tokens)


def _items(sheet: Sheet, listed: Node, column: int) -> Iterator[str]:
    for each in listed.items:
        if listed.start <= each.start < listed.end and is_flow(sheet, each):
            yield f"{' ' * column}- {_as_written(sheet, each, column)}"
        else:
            yield from item_lines(each, column, sheet.step())


def _as_written(sheet: Sheet, node: Node, column: int) -> str:
    """What is in brackets, with lines that are indented at least two more than a column."""
    if not is_flow(sheet, node):
        return flow_text(node)
    end = sheet.content_end(node.start, node.end)
    first, *more = text_lines(sheet.text[node.start : end])
    inner = " " * (column + _COLUMN)
    return sheet.newline.join([first, *(inner + each.lstrip() for each in more)])


def _line_end_before(sheet: Sheet, offset: int) -> int:
    """Behind the last character that is no blank before an offset."""
    return len(sheet.text[:offset].rstrip(" \t\r\n"))
