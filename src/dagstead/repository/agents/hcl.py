"""HCL, the language of Terraform, to nodes. Whatever is no literal stays what it is: not known.

A call is the mapping ``{"Fn::NAME": [arguments]}``, as a function of CloudFormation is.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagstead.model.nodes import Entry, Node, NodeKind, mapping, scalar, sequence
from dagstead.model.source import SourceText
from dagstead.repository.agents.placeholders import FUNCTION

if TYPE_CHECKING:
    import tree_sitter

#: Functions that change nothing of what is looked for.
_TRANSPARENT = frozenset({"toset", "tolist", "sensitive", "nonsensitive", "trimspace"})
_ENCODERS = frozenset({"yamlencode", "jsonencode"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """``resource "type" "name" { ... }``: one block with what is in it."""

    type: str
    labels: tuple[str, ...]
    node: Node
    attributes: tuple[Entry, ...]
    blocks: tuple[Block, ...]

    def get(self, name: str) -> Node | None:
        """The value of an attribute."""
        return next((each.value for each in self.attributes if each.key.value == name), None)

    def inner(self, kind: str) -> Iterator[Block]:
        """The blocks of a type in it."""
        return (each for each in self.blocks if each.type == kind)

    def as_node(self) -> Node:
        """The block as a mapping of its attributes, and of the blocks in it by their types."""
        inner = (Entry(scalar(each.type, each.node), each.as_node()) for each in self.blocks)
        return mapping((*self.attributes, *inner), self.node)


def read_blocks(source: SourceText) -> tuple[Block, ...]:
    """The blocks of a text, as far as it can be read."""
    import tree_sitter  # noqa: PLC0415 - slow to import, and seldom needed
    import tree_sitter_hcl  # noqa: PLC0415 - the same

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
    data = source.text.encode()
    tree = parser.parse(data)
    reader = _Reader(source, data)
    bodies = [each for each in tree.root_node.children if each.type == "body"]
    return tuple(block for body in bodies for block in reader.blocks(body))


class _Reader:
    def __init__(self, source: SourceText, data: bytes) -> None:
        self._source = source
        self._data = data
        self._plain = source.text.isascii()

    def blocks(self, body: tree_sitter.Node) -> Iterator[Block]:
        for each in body.children:
            if each.type == "block":
                yield self._block(each)

    def _block(self, found: tree_sitter.Node) -> Block:
        words = [self._word(each) for each in found.children if each.type in _LABELS]
        bodies = [each for each in found.children if each.type == "body"]
        entries = (
            self._attribute(each)
            for body in bodies
            for each in body.children
            if each.type == "attribute"
        )
        return Block(
            type=words[0] if words else "",
            labels=tuple(words[1:]),
            node=self._node(NodeKind.SCALAR, " ".join(words), found),
            attributes=tuple(filter(None, entries)),
            blocks=tuple(each for body in bodies for each in self.blocks(body)),
        )

    def _attribute(self, found: tree_sitter.Node) -> Entry | None:
        parts = found.named_children
        if len(parts) < 2:  # noqa: PLR2004 - a name and a value
            return None
        key = self._node(NodeKind.SCALAR, self._text(parts[0]), parts[0])
        return Entry(key, self._expression(parts[1]))

    def _expression(self, found: tree_sitter.Node) -> Node:
        inner = found
        while inner.type in _WRAPPERS and len(inner.named_children) == 1:
            inner = inner.named_children[0]
        read: Callable[[tree_sitter.Node], Node] | None = {
            "string_lit": self._string,
            "quoted_template": self._string,
            "heredoc_template": self._heredoc,
            "numeric_lit": self._literal,
            "bool_lit": self._literal,
            "null_lit": self._literal,
            "tuple": self._tuple,
            "object": self._object,
            "function_call": self._call,
        }.get(inner.type)
        return self._unknown(found) if read is None else read(inner)

    def _string(self, found: tree_sitter.Node) -> Node:
        return self._node(NodeKind.SCALAR, _unquoted(self._text(found)), found, '"')

    def _heredoc(self, found: tree_sitter.Node) -> Node:
        first, _, rest = self._text(found).partition("\n")
        body = rest[: rest.rfind("\n") + 1]
        text = textwrap.dedent(body) if first.startswith("<<-") else body
        return self._node(NodeKind.SCALAR, text, found, "|")

    def _literal(self, found: tree_sitter.Node) -> Node:
        try:
            value = json.loads(self._text(found))
        except ValueError:
            return self._unknown(found)
        return self._node(NodeKind.SCALAR, value, found)

    def _tuple(self, found: tree_sitter.Node) -> Node:
        items = [self._expression(each) for each in found.children if each.type == "expression"]
        return sequence(tuple(items), self._node(NodeKind.SEQUENCE, (), found))

    def _object(self, found: tree_sitter.Node) -> Node:
        at = self._node(NodeKind.MAPPING, (), found)
        entries = []
        for each in found.children:
            if each.type != "object_elem":
                continue
            key, value = each.child_by_field_name("key"), each.child_by_field_name("val")
            if key is not None and value is not None:
                name = scalar(_unquoted(self._text(key)), self._node(NodeKind.SCALAR, "", key))
                entries.append(Entry(name, self._expression(value)))
        return mapping(tuple(entries), at)

    def _call(self, found: tree_sitter.Node) -> Node:
        name = self._text(found.children[0])
        arguments = tuple(
            self._expression(each)
            for part in found.children
            if part.type == "function_arguments"
            for each in part.children
            if each.type == "expression"
        )
        if name in _TRANSPARENT | _ENCODERS and len(arguments) == 1:
            return arguments[0]
        at = self._node(NodeKind.MAPPING, (), found)
        listed = sequence(arguments, at)
        return mapping((Entry(scalar(FUNCTION + name, at), listed),), at)

    def _unknown(self, found: tree_sitter.Node) -> Node:
        shown = " ".join(self._text(found).split())
        short = shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}…"
        return self._node(NodeKind.BROKEN, short, found)

    def _word(self, found: tree_sitter.Node) -> str:
        return _unquoted(self._text(found))

    def _text(self, found: tree_sitter.Node) -> str:
        return self._data[found.start_byte : found.end_byte].decode(errors="replace")

    def _node(
        self, kind: NodeKind, value: object, found: tree_sitter.Node, style: str | None = None
    ) -> Node:
        start, end = self._offset(found.start_byte), self._offset(found.end_byte)
        return Node(kind, value, self._source, start, end, style)

    def _offset(self, byte: int) -> int:
        return byte if self._plain else len(self._data[:byte].decode(errors="replace"))


_LABELS = frozenset({"identifier", "string_lit"})
_WRAPPERS = frozenset({"expression", "literal_value", "template_expr", "collection_value"})
_MOST_SHOWN = 60
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def _unquoted(text: str) -> str:
    if text[:1] != '"':
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), text[1:-1])
