"""From nodes to YAML text, for what cannot be moved as it is written.

Scalars keep the writing that they have in their file, so that quotes stay. Comments are not kept
here: :mod:`dagstead.repository.layouts.comments` sees to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from dagstead.model.nodes import Entry, Node, NodeKind, mapping, sequence
from dagstead.model.source import SourceText

_ANCHOR = re.compile(r"&\S+\s+")
#: Characters that end a plain scalar inside of brackets.
_IN_BRACKETS = re.compile(r"[,\[\]{}]|: ")
_ENDLESS = 1_000_000


def scalar_text(value: object) -> str:
    """A scalar on one line, in quotes where it needs them."""
    written = yaml.safe_dump(value, width=_ENDLESS, allow_unicode=True, default_flow_style=True)
    return str(written).removesuffix("\n").removesuffix("\n...")


def like(node: Node, value: str) -> str:
    """A text in the quotes that another scalar has."""
    plain = scalar_text(value)
    if node.style not in {"'", '"'} or plain.startswith('"'):
        return plain
    quote = "''" if node.style == "'" else '\\"'
    inner = value if node.style == "'" else value.replace("\\", "\\\\")
    return f"{node.style}{inner.replace(node.style, quote)}{node.style}"


def flow_text(node: Node) -> str:
    """A node on one line, with brackets."""
    if node.is_mapping:
        entries = (f"{flow_text(key)}: {flow_text(value)}" for key, value in _counting(node))
        return "{" + ", ".join(entries) + "}"
    if node.is_sequence:
        return "[" + ", ".join(flow_text(each) for each in node.items) + "]"
    written = _written(node)
    if node.style not in {"'", '"'} and _IN_BRACKETS.search(written):
        return scalar_text(node.plain()) if written[:1] in "'\"!" else _quoted(node.plain())
    return written


def key_lines(key: str, value: Node, column: int, step: int) -> list[str]:
    """The lines of a key and its value in block style; the first has no indentation."""
    if _was_on_one_line(value):
        return [f"{key}: {flow_text(value)}"]
    if value.is_mapping and value.entries:
        return [f"{key}:", *_mapping_lines(value, column + step, step)]
    if value.is_sequence and value.items:
        return [f"{key}:", *_sequence_lines(value, column + step, step)]
    return [f"{key}: {flow_text(value)}"]


def item_lines(value: Node, column: int, step: int) -> list[str]:
    """The lines of an item of a list, with its dash."""
    return _sequence_lines(sequence((value,), value), column, step)


def text_node(value: Any, source: SourceText) -> Node:
    """A tree for plain values, without a place in the file."""
    at = Node(NodeKind.SCALAR, None, source, 0, 0)
    if isinstance(value, dict):
        pairs = ((text_node(key, source), text_node(each, source)) for key, each in value.items())
        return mapping(tuple(Entry(key, each) for key, each in pairs), at)
    if isinstance(value, list):
        return sequence(tuple(text_node(each, source) for each in value), at)
    return Node(NodeKind.SCALAR, value, source, 0, 0)


def _was_on_one_line(node: Node) -> bool:
    """Whether a mapping or list is written in brackets on one line."""
    written = _ANCHOR.sub("", node.source.text[node.start : node.end], count=1)
    return written[:1] in {"[", "{"} and "\n" not in written and "\r" not in written


def _mapping_lines(node: Node, column: int, step: int) -> Iterator[str]:
    for key, value in _counting(node):
        first, *more = key_lines(flow_text(key), value, column, step)
        yield " " * column + first
        yield from more


def _sequence_lines(node: Node, column: int, step: int) -> list[str]:
    lines: list[str] = []
    for each in node.items:
        inner = column + 2
        if _was_on_one_line(each):
            first, more = flow_text(each), []
        elif each.is_mapping and each.entries:
            first, *more = _mapping_lines(each, inner, step)
        elif each.is_sequence and each.items:
            first, *more = _sequence_lines(each, inner, step)
        else:
            first, more = flow_text(each), []
        lines += [f"{' ' * column}- {first.lstrip()}", *more]
    return lines


def _counting(node: Node) -> Iterator[tuple[Node, Node]]:
    """The entries that count: the last of each key, in the order of their first writing."""
    last = {repr(each.key.plain()): each for each in node.entries}
    return ((each.key, each.value) for each in last.values())


def _written(node: Node) -> str:
    written = _ANCHOR.sub("", node.source.text[node.start : node.end], count=1)
    usable = node.kind is NodeKind.SCALAR and "\n" not in written and "\r" not in written
    if usable and written and node.style not in {"|", ">"} and _is_yaml(node):
        return written
    return scalar_text(node.plain())


def _is_yaml(node: Node) -> bool:
    return not node.source.file.endswith(".toml") and not node.source.line_map


def _quoted(value: object) -> str:
    plain = scalar_text(value)
    if not isinstance(value, str) or plain.startswith('"'):
        return plain
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
