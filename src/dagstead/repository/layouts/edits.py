"""Small edits of a YAML text: set, add and remove a key. Every other byte stays."""

from __future__ import annotations

import yaml

from dagstead.model.nodes import Entry, Node
from dagstead.model.source import Edit
from dagstead.repository.layouts.rendering import flow_text, key_lines, like
from dagstead.repository.layouts.sheet import Sheet


def is_flow(sheet: Sheet, node: Node) -> bool:
    """Whether a mapping or list is written in brackets."""
    skipped = (yaml.AnchorToken, yaml.TagToken)
    at = next((each for each in sheet.tokens_from(node.start) if each.kind not in skipped), None)
    return at is not None and at.kind in (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)


def own_entries(node: Node) -> list[Entry]:
    """The entries that are written in a mapping itself."""
    return [each for each in node.entries if not each.merged]


def replaced(node: Node, value: str) -> Edit:
    """Another text for a scalar that is text, in the same quotes."""
    written = node.source.text[node.start : node.end]
    prefix = ""
    while written.startswith(("&", "!")):
        head, _, written = written.partition(" ")
        prefix += f"{head} "
    return Edit(start=node.start, end=node.end, text=prefix + like(node, value))


def added(sheet: Sheet, into: Node, key: str, value: Node) -> Edit:
    """A key at the end of a mapping that is written there."""
    end = sheet.content_end(into.start, into.end)
    if is_flow(sheet, into):
        inner = sheet.content_end(into.start, end - 1)
        comma = "" if sheet.text[inner - 1] in "{," else ","
        space = "" if sheet.text[inner - 1] == "{" else " "
        text = f"{comma}{space}{key}: {flow_text(value)}"
        return Edit(start=inner, end=inner, text=text)
    column = sheet.column(_first_key(sheet, into))
    lines = key_lines(key, value, column, sheet.step())
    lines[0] = " " * column + lines[0]
    return behind(sheet, end, lines)


def filled(sheet: Sheet, entry: Entry, value: Node) -> Edit:
    """A value for a key that has none."""
    start, end = sheet.value_span(entry)
    column = sheet.column(entry.key.start)
    first, *more = key_lines("", value, column, sheet.step())
    if not more or _in_brackets(sheet, entry.key.start):
        return Edit(start=start, end=end, text=f" {flow_text(value)}" if start == end else first)
    if start < end:
        # A null that is written: brackets in its place.
        return Edit(start=start, end=end, text=flow_text(value))
    return behind(sheet, end, more)


def rewritten(sheet: Sheet, entry: Entry, value: Node) -> Edit:
    """Another mapping or list for a key, in lines where the old one is."""
    start, end = sheet.value_span(entry)
    key_line = sheet.lines[sheet.line_at(entry.key.start)]
    _, *lines = key_lines("", value, sheet.column(entry.key.start), sheet.step())
    if start < key_line.end or not lines:
        return Edit(start=start, end=end, text=flow_text(value))
    text = sheet.newline.join(lines)
    return Edit(start=key_line.end, end=end, text=text)


def behind(sheet: Sheet, offset: int, lines: list[str]) -> Edit:
    """Lines behind the line with a character."""
    line = sheet.lines[sheet.line_at(max(offset - 1, 0))]
    text = "".join(f"{each}{sheet.newline}" for each in lines)
    written = sheet.text[line.start : line.end]
    if not written.endswith(("\n", "\r")):
        text = sheet.newline + text.removesuffix(sheet.newline)
    return Edit(start=line.end, end=line.end, text=text)


def removed(sheet: Sheet, within: Node, entry: Entry) -> Edit:
    """A mapping's entry taken away, which must not be its only one."""
    if is_flow(sheet, within):
        return _removed_in_brackets(sheet, within, entry)
    end = sheet.value_span(entry)[1]
    first, last = sheet.line_at(entry.key.start), sheet.line_at(end - 1)
    line = sheet.lines[first]
    if line.start + line.indent == entry.key.start:
        while first and sheet.lines[first - 1].comment and sheet.lines[first - 1].indent:
            first -= 1
        return Edit(start=sheet.lines[first].start, end=sheet.lines[last].end, text="")
    following = next(each for each in own_entries(within) if each.key.start > entry.key.start)
    return Edit(start=entry.key.start, end=following.key.start, text="")


def _removed_in_brackets(sheet: Sheet, within: Node, entry: Entry) -> Edit:
    end = sheet.value_span(entry)[1]
    after = next((each for each in own_entries(within) if each.key.start > entry.key.start), None)
    if after is not None:
        return Edit(start=entry.key.start, end=after.key.start, text="")
    comma = max(
        each.start
        for each in sheet.tokens
        if each.kind is yaml.FlowEntryToken and each.start < entry.key.start
    )
    return Edit(start=comma, end=end, text="")


def _first_key(sheet: Sheet, node: Node) -> int:
    """Where the first key is written, ``<<`` included, behind an anchor."""
    skipped = (yaml.AnchorToken, yaml.TagToken)
    return next(
        each.start for each in sheet.tokens if each.start >= node.start and each.kind not in skipped
    )


def _in_brackets(sheet: Sheet, offset: int) -> bool:
    depth = 0
    for each in sheet.tokens:
        if each.start >= offset:
            break
        depth += each.kind in (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
        depth -= each.kind in (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
    return depth > 0
