"""The position of a part of a script in its file."""

from __future__ import annotations

from dagstead.model.nodes import Node
from dagstead.model.source import Position


def place(node: Node, start: int, end: int) -> Position:
    """The place of a stretch of a scalar's text, as exactly as its form allows.

    A folded block or a quoted scalar on several lines has lost its lines: then it is the whole.
    """
    text = node.text or ""
    source = node.source
    if node.style == "|":
        number, _ = source.line_and_column(node.start)
        before = text[:start]
        line = number + 1 + before.count("\n")
        column_in_text = start - (before.rfind("\n") + 1)
        written = source.text[source.offset(line, 1) : source.offset(line + 1, 1)]
        indent = len(written) - len(written.lstrip(" ")) if column_in_text == 0 else None
        line_text = text[start - column_in_text :].split("\n", 1)[0]
        at = written.find(line_text) if indent is None else indent
        offset = source.offset(line, 1) + max(at, 0) + (column_in_text if indent is None else 0)
        first_line_end = min(end, start + len(text[start:].split("\n", 1)[0]))
        return source.position(offset, offset + max(first_line_end - start, 0))
    quote = 1 if node.style in {"'", '"'} else 0
    if source.text[node.start + quote : node.start + quote + len(text)] == text:
        return source.position(node.start + quote + start, node.start + quote + end)
    return node.position
