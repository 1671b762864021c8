"""One tree for YAML and TOML, in which every key and value knows its place in its file.

Trees of several files can be merged: each node keeps the file that it was written in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from dagstead.model.source import Position, SourceText
from dagstead.model.words import kind_name


class NodeKind(Enum):
    """What a node is."""

    SCALAR = "scalar"
    MAPPING = "mapping"
    SEQUENCE = "sequence"
    #: What cannot become a value: an unknown tag, or a number that is none.
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and its place. ``value`` depends on ``kind``.

    A scalar's is text, number, boolean or ``None``; a sequence's is a tuple of nodes; a mapping's
    is a tuple of entries in the order of the file, in which a key may occur twice; a broken
    node's is a sentence about it.
    """

    kind: NodeKind
    value: Any
    source: SourceText
    #: Offsets in ``source.text``; the end is exclusive.
    start: int
    end: int
    #: The quotes around a scalar, ``|`` or ``>`` before a block, ``None`` around nothing.
    style: str | None = None

    @property
    def position(self) -> Position:
        """Where it is written."""
        return self.source.position(self.start, self.end)

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return self.kind is NodeKind.MAPPING

    @property
    def is_sequence(self) -> bool:
        """Whether it is a list."""
        return self.kind is NodeKind.SEQUENCE

    @property
    def is_null(self) -> bool:
        """Whether nothing, ``~`` or ``null`` is written there."""
        return self.kind is NodeKind.SCALAR and self.value is None

    @property
    def text(self) -> str | None:
        """The text of a scalar that is text, otherwise ``None``.

        The official model takes the bytes of ``!!binary`` for text, too.
        """
        if self.kind is not NodeKind.SCALAR:
            return None
        if isinstance(self.value, bytes):
            return _decoded(self.value)
        return self.value if isinstance(self.value, str) else None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of a mapping; none of anything else."""
        return self.value if self.kind is NodeKind.MAPPING else ()

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a sequence; none of anything else."""
        return self.value if self.kind is NodeKind.SEQUENCE else ()

    def entry(self, key: str) -> Entry | None:
        """The entry that counts for a key: YAML's readers take the last one."""
        # Asked of every key of every location: a property would take half of the time.
        entries: tuple[Entry, ...] = self.value if self.kind is NodeKind.MAPPING else ()
        for entry in reversed(entries):
            if entry.key.value == key:
                return entry
        return None

    def get(self, *keys: str) -> Node | None:
        """The value below a path of keys, ``None`` where there is none."""
        node = self
        for key in keys:
            entry = node.entry(key)
            if entry is None:
                return None
            node = entry.value
        return node

    def plain(self) -> Any:
        """The value without places: dictionaries, lists and scalars, as a YAML reader gives them.

        A broken node becomes ``None``.
        """
        match self.kind:
            case NodeKind.MAPPING:
                return {_hashable(each.key): each.value.plain() for each in self.entries}
            case NodeKind.SEQUENCE:
                return [each.plain() for each in self.items]
            case NodeKind.SCALAR:
                return self.value
            case NodeKind.BROKEN:
                return None

    def walk(self) -> Iterator[Node]:
        """This node and all below it, keys before their values."""
        yield self
        for entry in self.entries:
            yield entry.key
            yield from entry.value.walk()
        for item in self.items:
            yield from item.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Node
    value: Node
    #: Whether it came through ``<<``, a merge key: the mapping's own keys win over it.
    merged: bool = False


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
    return kind_name(node.value)


def scalar(value: object, at: Node) -> Node:
    """A scalar that is not written anywhere, with the place of the node that it follows from."""
    return Node(NodeKind.SCALAR, value, at.source, at.start, at.end)


def mapping(entries: tuple[Entry, ...], at: Node) -> Node:
    """A mapping that is not written as one, with the place of the node that it follows from."""
    return Node(NodeKind.MAPPING, entries, at.source, at.start, at.end)


def sequence(items: tuple[Node, ...], at: Node) -> Node:
    """A list that is not written as one, with the place of the node that it follows from."""
    return Node(NodeKind.SEQUENCE, items, at.source, at.start, at.end)


def empty_mapping(source: SourceText) -> Node:
    """A mapping without keys at the beginning of a file."""
    return Node(NodeKind.MAPPING, (), source, 0, 0)


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _hashable(key: Node) -> Any:
    return key.value if key.kind is NodeKind.SCALAR else repr(key.plain())
