"""YAML to nodes.

The reader is PyYAML's composer on libyaml: it gives every node its place, and is 15 to 20 times as
fast as a loader that keeps comments. Comments need no keeping, because files are changed by editing
stretches of their text (:meth:`dagstead.model.source.SourceText.edited`).

What the text means is what the official command line makes of it
(``dagster_shared.yaml_utils.safe_load_yaml``: PyYAML's safe loader without dates). Where libyaml
refuses, PyYAML's own scanner, which the official one uses, has the last word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from dagstead.model.nodes import Entry, Node, NodeKind, mapping, scalar
from dagstead.model.source import SourceText

#: Where libyaml reads something else than PyYAML's own scanner: these characters, a question mark
#: within a word in brackets, and a tag of nothing but its mark.
_DISPUTED = re.compile(r"[\t\ufeff]|[\[{][^\n]*[^\s\[{,]\?|(?<![^\s\[{,:?-])!(?![^\s,\]}])")

_BOM = "\ufeff"
_TWICE = "the file begins with two byte order marks; remove them"

_STR = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_VALUE = "tag:yaml.org,2002:value"
_TEXTS = frozenset({_STR, _VALUE})
_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_STANDARD = "tag:yaml.org,2002:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a text, or a part of it, has no meaning; with offsets."""

    message: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseResult:
    """What a text holds."""

    #: ``None`` when it holds nothing, or cannot be read.
    root: Node | None
    #: Set when it cannot be read at all.
    syntax: Problem | None = None
    #: Parts that cannot become values; the official reader refuses a file with any of them.
    broken: tuple[Problem, ...] = ()
    #: Keys that a mapping has twice: an entry and the later one that hides it.
    duplicates: tuple[tuple[Entry, Entry], ...] = ()


def read_yaml(source: SourceText) -> ParseResult:
    """Read one document. Never raises for what is in the text."""
    if not _DISPUTED.search(source.text):
        try:
            return _read(source, _fast_loader())
        except yaml.YAMLError:
            pass
        except RecursionError:
            return _too_deep()
    try:
        return _read(source, _official_loader())
    except yaml.YAMLError as error:
        return ParseResult(root=None, syntax=_problem(source, error))
    except RecursionError:
        return _too_deep()


def read_yaml_documents(source: SourceText) -> tuple[tuple[Node, ...], Problem | None]:
    """The documents of another tool's file, up to where it cannot be read, and why it cannot.

    A tag that YAML does not know is a function of that tool: ``!Sub text`` is read as the mapping
    ``{"Fn::Sub": text}``, as CloudFormation does.
    """
    loader = _fast_loader()(source.text)
    found: list[Node] = []
    try:
        while loader.check_node():
            found.append(_Builder(source, loader, functions=True).build(loader.get_node()))
    except yaml.YAMLError as error:
        return tuple(found), _problem(source, error)
    except RecursionError:
        return tuple(found), _too_deep().syntax
    finally:
        loader.dispose()
    return tuple(found), None


def scanned(text: str) -> list[yaml.Token]:
    """The tokens of a text that can be read, or of a part of one.

    Raises:
        yaml.YAMLError: for another text.
    """
    if not _DISPUTED.search(text):
        try:
            return list(yaml.scan(text, Loader=_fast_loader()))
        except yaml.YAMLError:
            pass
    return list(yaml.scan(text, Loader=_official_loader()))


def _read(source: SourceText, loader_class: Any) -> ParseResult:
    if source.text.startswith(_BOM):
        # PyYAML would pass over it, as over the first one, which is no part of this text.
        return ParseResult(root=None, syntax=Problem(message=_TWICE, start=0, end=1))
    loader = loader_class(source.text)
    try:
        composed = loader.get_single_node()
        if composed is None:
            return ParseResult(root=None)
        builder = _Builder(source, loader)
        root = builder.build(composed)
    finally:
        loader.dispose()
    return ParseResult(
        root=root, broken=tuple(builder.broken), duplicates=tuple(builder.duplicates)
    )


@cache
def _fast_loader() -> Any:
    return _without_dates(getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def _official_loader() -> Any:
    return _without_dates(yaml.SafeLoader)


def _without_dates(base: Any) -> Any:
    resolvers = {
        first: [(tag, pattern) for tag, pattern in each if tag != _TIMESTAMP]
        for first, each in base.yaml_implicit_resolvers.items()
    }
    return type(f"Dateless{base.__name__}", (base,), {"yaml_implicit_resolvers": resolvers})


def _too_deep() -> ParseResult:
    problem = Problem(message="it is nested too deeply to be read", start=0, end=0)
    return ParseResult(root=None, syntax=problem)


def _problem(source: SourceText, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        start = mark.index if mark.index is not None else source.offset(mark.line + 1, 1)
        message = str(getattr(error, "problem", None) or error)
    else:
        start = int(getattr(error, "position", 0))
        character = getattr(error, "character", None)
        message = f"the character {character!r} is not allowed" if character else str(error)
    return Problem(message=" ".join(message.split()), start=start, end=start)


class _Builder:
    """From composed nodes to ours; aliased nodes are built once."""

    def __init__(self, source: SourceText, loader: Any, *, functions: bool = False) -> None:
        self._source = source
        self._loader = loader
        self._functions = functions
        self._built: dict[int, Node] = {}
        self._open: set[int] = set()
        self.broken: list[Problem] = []
        self.duplicates: list[tuple[Entry, Entry]] = []

    def build(self, composed: Any) -> Node:
        done = self._built.get(id(composed))
        if done is not None:
            return done
        if self._functions and not composed.tag.startswith(_STANDARD):
            return self._function(composed)
        if isinstance(composed, yaml.ScalarNode):
            node = self._scalar(composed)
        elif id(composed) in self._open:
            return self._break(composed, "it contains itself")
        else:
            self._open.add(id(composed))
            node = self._collection(composed)
            self._open.discard(id(composed))
        self._built[id(composed)] = node
        return node

    def _function(self, composed: Any) -> Node:
        """A tag of another tool, as the mapping that says the same."""
        name = composed.tag.removeprefix("!")
        plain = {yaml.ScalarNode: _STR, yaml.SequenceNode: _SEQ, yaml.MappingNode: _MAP}
        composed.tag = plain[type(composed)]
        argument = self.build(composed)
        key = scalar(name if name == "Ref" else f"Fn::{name}", argument)
        return mapping((Entry(key, argument),), argument)

    def _scalar(self, composed: Any) -> Node:
        if composed.tag in _TEXTS:
            return self._node(NodeKind.SCALAR, composed.value, composed, composed.style)
        return self._constructed(composed)

    def _constructed(self, composed: Any) -> Node:
        try:
            value = self._loader.construct_object(composed, deep=True)
        except yaml.YAMLError as error:
            return self._break(composed, str(getattr(error, "problem", None) or error))
        except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError) as error:
            return self._break(composed, f"it is not a value: {error}")
        return self._node(NodeKind.SCALAR, value, composed, getattr(composed, "style", None))

    def _collection(self, composed: Any) -> Node:
        if isinstance(composed, yaml.SequenceNode) and composed.tag == _SEQ:
            items = tuple(self.build(each) for each in composed.value)
            return self._node(NodeKind.SEQUENCE, items, composed)
        if isinstance(composed, yaml.MappingNode) and composed.tag == _MAP:
            return self._mapping(composed)
        return self._constructed(composed)

    def _mapping(self, composed: Any) -> Node:
        merged: list[Entry] = []
        own: dict[Any, Entry] = {}
        entries: list[Entry] = []
        for key, value in composed.value:
            if key.tag == _MERGE:
                merged += self._merged(value)
                continue
            entry = Entry(self._key(key), self.build(value))
            name = (type(entry.key.value), entry.key.value)
            if name in own:
                self.duplicates.append((own[name], entry))
            own[name] = entry
            entries.append(entry)
        return self._node(NodeKind.MAPPING, (*merged, *entries), composed)

    def _key(self, composed: Any) -> Node:
        key = self.build(composed)
        if key.is_mapping or key.is_sequence:
            return self._break(composed, "a mapping or list cannot be a key")
        return key

    def _merged(self, composed: Any) -> list[Entry]:
        """The entries that ``<<`` brings; of several mappings the first named wins."""
        if id(composed) in self._open:
            # A mapping that is merged into itself gains nothing.
            return []
        value = self.build(composed)
        parts = reversed(value.items) if value.is_sequence else [value]
        entries: list[Entry] = []
        for part in parts:
            if not part.is_mapping:
                self._break(composed, "'<<' takes a mapping or a list of mappings")
                continue
            entries += (Entry(each.key, each.value, merged=True) for each in part.entries)
        return entries

    def _break(self, composed: Any, message: str) -> Node:
        node = self._node(NodeKind.BROKEN, message, composed)
        self.broken.append(Problem(message=message, start=node.start, end=node.end))
        return node

    def _node(self, kind: NodeKind, value: Any, composed: Any, style: str | None = None) -> Node:
        start = composed.start_mark.index
        end = composed.end_mark.index
        if kind is not NodeKind.SCALAR or style in {"|", ">"}:
            # A block ends where the next thing begins: leave out the lines between.
            end = start + len(self._source.text[start:end].rstrip())
        return Node(kind, value, self._source, start, end, style)
