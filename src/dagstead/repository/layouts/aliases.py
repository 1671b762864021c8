"""Anchors and aliases: kept where all their users move together, otherwise written out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import yaml

from dagstead.model.nodes import Entry, Node, mapping
from dagstead.model.source import Edit, SourceText
from dagstead.repository.files.yaml_reader import scanned
from dagstead.repository.layouts.edits import behind, own_entries, removed
from dagstead.repository.layouts.rendering import flow_text, item_lines, key_lines
from dagstead.repository.layouts.sheet import Sheet, YamlToken

#: From an offset to what moves as one: aliases may name what is in the same group.
Groups = Callable[[int], object]

_OPENING = (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSING = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def written_out(source: SourceText, groups: Groups, also: Iterable[range] = ()) -> SourceText:
    """The text with those aliases written out that name something of another group.

    Args:
        source: a text that can be read.
        groups: the group of what is written at an offset.
        also: stretches of the text in which every alias is written out.
    """
    stretches = tuple(also)
    sheet = Sheet(source)
    edits: list[Edit] = []
    anchored = {each.start: each for each in reversed(list(sheet.root.walk()))}
    anchors: dict[str, YamlToken] = {}
    for index, token in enumerate(sheet.tokens):
        if token.kind is yaml.AnchorToken:
            anchors[token.name] = token
        if token.kind is yaml.AliasToken:
            at = anchors[token.name].start
            if groups(at) != groups(token.start) or any(token.start in each for each in stretches):
                edits += _expansion(sheet, index, anchored[at])
    return source.edited(edits)


def renamed_anchors(source: SourceText, names: Mapping[str, str]) -> SourceText:
    """The text, or a part of one, with other names of anchors and aliases."""
    edits = [
        Edit(start=each.start_mark.index + 1, end=each.end_mark.index, text=names[each.value])
        for each in scanned(source.text)
        if isinstance(each, yaml.AnchorToken | yaml.AliasToken)
        and names.get(each.value, each.value) != each.value
    ]
    return source.edited(edits)


def _expansion(sheet: Sheet, index: int, node: Node) -> Iterator[Edit]:
    token = sheet.tokens[index]
    merge = _merge_key(sheet, index)
    if merge is not None:
        yield from _merge_expansion(sheet, merge)
        return
    before = sheet.tokens[index - 1]
    collection = bool(node.entries or node.items)
    if not collection or _depth(sheet, index):
        yield Edit(start=token.start, end=token.end, text=flow_text(node))
    elif before.kind is yaml.BlockEntryToken:
        lines = item_lines(node, sheet.column(before.start), sheet.step())
        text = sheet.newline.join(lines).lstrip()
        yield Edit(start=before.start, end=token.end, text=text)
    else:
        key = sheet.tokens[index - 2]
        _, *lines = key_lines("", node, sheet.column(key.start), sheet.step())
        yield Edit(start=before.end, end=token.end, text="")
        yield behind(sheet, token.end, lines)


def _merge_key(sheet: Sheet, index: int) -> YamlToken | None:
    """The ``<<`` that an alias is merged by."""
    while index and sheet.tokens[index - 1].kind in (
        yaml.FlowEntryToken,
        yaml.FlowSequenceStartToken,
        yaml.AliasToken,
    ):
        index -= 1
    if index < 2 or sheet.tokens[index - 1].kind is not yaml.ValueToken:  # noqa: PLR2004 - key and colon
        return None
    key = sheet.tokens[index - 2]
    return key if sheet.text[key.start : key.end] == "<<" else None


def _merge_expansion(sheet: Sheet, merge: YamlToken) -> Iterator[Edit]:
    within = min(
        (
            each
            for each in sheet.root.walk()
            if each.is_mapping and each.start <= merge.start < each.end
        ),
        key=lambda each: each.end - each.start,
    )
    own = {each.key.value for each in own_entries(within)}
    brought = {
        each.key.value: each for each in within.entries if each.merged and each.key.value not in own
    }
    key = Node(within.kind, (), sheet.source, merge.start, merge.end)
    entry = Entry(key, _merge_value(sheet, merge))
    start, end = merge.start, sheet.value_span(entry)[1]
    if not brought and own:
        yield removed(sheet, within, entry)
        return
    index = next(at for at, each in enumerate(sheet.tokens) if each.start == start)
    if _depth(sheet, index):
        text = flow_text(mapping(tuple(brought.values()), within))[1:-1]
    else:
        column, lines = sheet.column(start), []
        for each in brought.values():
            first, *more = key_lines(flow_text(each.key), each.value, column, sheet.step())
            lines += [" " * column + first, *more]
        text = sheet.newline.join(lines).lstrip()
    yield Edit(start=start, end=end, text=text)


def _merge_value(sheet: Sheet, merge: YamlToken) -> Node:
    """A node with the place of what is merged."""
    at = next(index for index, each in enumerate(sheet.tokens) if each.start == merge.start) + 2
    first = last = sheet.tokens[at]
    if first.kind is yaml.FlowSequenceStartToken:
        last = next(each for each in sheet.tokens[at:] if each.kind in _CLOSING)
    return Node(sheet.root.kind, (), sheet.source, first.start, last.end)


def _depth(sheet: Sheet, index: int) -> int:
    before = sheet.tokens[:index]
    return sum(each.kind in _OPENING for each in before) - sum(
        each.kind in _CLOSING for each in before
    )
