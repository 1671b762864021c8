"""Limits of a GraphQL request, checked before it is executed: of its JSON, its text, its fields.

Validation has limits in graphql-core; parsing and execution have none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    Visitor,
    parse,
    visit,
)

from dagstead.errors import TooLargeError
from dagstead.plane.texts import is_suspicious, require_storable

#: The most values in a body. Python stops all threads while it reads JSON: a second per few million
#: values, but hardly any time for long texts. The longest list that an official client sends has
#: the names of a backfill's partitions.
MAX_VALUES = 200_000

#: How deep its values are nested. Configuration of Kubernetes has about 15 levels, that of runs
#: seldom more.
MAX_VALUE_DEPTH = 100

#: The longest document of an official client, the UI's explorer of a job, has 6,644 characters.
#: This leaves room for run configuration that somebody writes into a document.
MAX_CHARACTERS = 1_048_576

#: That document has 716 tokens. Parsing this many takes about a second.
MAX_TOKENS = 15_000

#: How deep selections are nested, with fragments in place. The deepest document, GraphiQL's
#: introspection, has 15 levels.
MAX_DEPTH = 50

#: How many fields are selected, with fragments in place: fragments that repeat fragments grow
#: exponentially. The UI's largest document, for the logs of a run, selects 639.
MAX_FIELDS = 20_000

#: How many fields have another name in the answer, with fragments in place: the same one may so be
#: answered again and again. The documents of the UI and of official clients have fewer than ten.
MAX_ALIASES = 200

_BRACKETS_AND_COMMAS = (b",", b"[", b"{")


def check_values(body: bytes) -> None:
    """Refuse a JSON body with too many values, faster than it could be read.

    Raises:
        TooLargeError: when it has more than ``MAX_VALUES``.
    """
    if len(body) > MAX_VALUES and _values(body) > MAX_VALUES:
        raise TooLargeError(
            f"The body has more than {MAX_VALUES} values, the most that this server takes in one "
            "GraphQL request. Send them in several requests."
        )


def check_depth(value: object) -> None:
    """Refuse JSON that is nested deeper than anybody needs.

    Whatever goes through it takes a step on Python's stack for every level, and often a copy.

    Raises:
        TooLargeError: when it is deeper than ``MAX_VALUE_DEPTH``.
    """
    level: list[object] = [value]
    for _ in range(MAX_VALUE_DEPTH):
        if not level:
            return
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise TooLargeError(
            f"The body is nested more than {MAX_VALUE_DEPTH} levels deep, the most that this "
            "server takes."
        )


def _inside(value: object) -> list[object]:
    """The objects and lists in one of these."""
    match value:
        case dict():
            return [inner for inner in value.values() if isinstance(inner, dict | list)]
        case list():
            return [inner for inner in value if isinstance(inner, dict | list)]
        case _:
            return []


def parse_document(text: str) -> DocumentNode:
    """Parse a document that is small enough to be validated and executed.

    Raises:
        GraphQLError: when it is not GraphQL.
        TooLargeError: when it is too long or too deep, or selects too many fields.
        UnstorableTextError: when a text in it cannot be stored.
    """
    if len(text) > MAX_CHARACTERS:
        raise TooLargeError(
            f"The GraphQL document has {len(text)} characters, and this server takes "
            f"{MAX_CHARACTERS}. Send large values as variables."
        )
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        # The parser has no error class of its own for this.
        if f"more than {MAX_TOKENS} tokens" not in error.message:
            raise
        raise TooLargeError(
            f"The GraphQL document has more than {MAX_TOKENS} tokens, the most that this server "
            "takes. Ask in several requests."
        ) from error
    _check_extent(document)
    require_storable_texts(text, document)
    return document


def require_storable_texts(text: str, document: DocumentNode) -> None:
    """Refuse a document with a text in it that cannot be stored.

    Raises:
        UnstorableTextError: when there is one.
    """
    if is_suspicious(text):
        visit(document, _StorableTexts())


class _StorableTexts(Visitor):
    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        require_storable(node.value)


def _values(body: bytes) -> int:
    """The most values that a JSON text can have, without counting the inside of strings."""
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    strings = bare.count(b'"') // 2
    if strings > MAX_VALUES:
        return strings
    between = bare.split(b'"')[::2]
    return sum(part.count(mark) for part in between for mark in _BRACKETS_AND_COMMAS)


def _check_extent(document: DocumentNode) -> None:
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    meter = _ExtentMeter(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            meter.extent(definition.selection_set, 1)


@dataclass(frozen=True, slots=True)
class _Extent:
    fields: int = 0
    depth: int = 0
    aliases: int = 0


@dataclass(frozen=True, slots=True)
class _ExtentMeter:
    """Measures selections; it measures every fragment only once."""

    fragments: dict[str, FragmentDefinitionNode]
    known: dict[str, _Extent] = field(default_factory=dict)

    def extent(self, selections: SelectionSetNode, level: int) -> _Extent:
        """The extent of a selection.

        Args:
            selections: of an operation, a field or a fragment.
            level: how deep it is nested; the outermost selection has 1.

        Raises:
            TooLargeError: when it exceeds a limit.
        """
        _check_depth(level)
        fields = depth = aliases = 0
        for selection in selections.selections:
            inner = self._inner(selection, level + 1)
            _check_depth(level + inner.depth)
            fields += inner.fields + isinstance(selection, FieldNode)
            depth = max(depth, inner.depth)
            aliases += inner.aliases + bool(getattr(selection, "alias", None))
            if fields > MAX_FIELDS:
                raise TooLargeError(
                    f"The GraphQL document asks for more than {MAX_FIELDS} fields, with its "
                    "fragments put in place. Ask in several requests."
                )
            if aliases > MAX_ALIASES:
                raise TooLargeError(
                    f"The GraphQL document has more than {MAX_ALIASES} aliases, with its fragments "
                    "put in place. Ask in several requests."
                )
        return _Extent(fields, depth + 1, aliases)

    def _inner(self, selection: SelectionNode, level: int) -> _Extent:
        match selection:
            case FragmentSpreadNode():
                return self._fragment(selection.name.value, level)
            case (
                FieldNode(selection_set=SelectionSetNode() as inner)
                | InlineFragmentNode(selection_set=inner)
            ):
                return self.extent(inner, level)
            case _:
                return _Extent()

    def _fragment(self, name: str, level: int) -> _Extent:
        if name not in self.known:
            # Validation refuses fragments that are missing or contain themselves.
            self.known[name] = _Extent()
            if name in self.fragments:
                self.known[name] = self.extent(self.fragments[name].selection_set, level)
        return self.known[name]


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooLargeError(
            f"The GraphQL document is nested more than {MAX_DEPTH} levels deep, with its fragments "
            "put in place. Ask for less."
        )
