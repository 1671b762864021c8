"""From the text of a GraphQL document to the tree of what is asked for.

There is no schema: agents of three minors ask for slightly different fields of the same operations,
and a field that nobody answers is an error of that call alone. What a schema would otherwise limit
is limited here: the length, the depth and the number of selections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeAlias

from graphql import GraphQLError, parse, value_from_ast_untyped
from graphql.language import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
)
from graphql.pyutils import Undefined

from dagstead.engine.graphql_limits import require_storable_texts
from dagstead.errors import InvalidInputError, TooLargeError

#: The longest document of an official client has under 2,000 characters.
MAX_DOCUMENT_CHARACTERS = 50_000

#: Stops the parser early on a document that is all punctuation.
MAX_TOKENS = 10_000

#: The deepest selection of an official client is 8 levels deep. Fragments count: a chain of them
#: is walked like fields inside each other.
MAX_DEPTH = 25

#: After fragments are put in place: fragments that repeat fragments grow exponentially.
MAX_SELECTIONS = 2_000

#: Fields under another name: the same one may so be answered again and again. No document of an
#: official client has any.
MAX_ALIASES = 50

#: Agents of one minor send about 90 documents, whose texts are constant.
KEPT_PLANS = 512

Variables: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """One ``@include`` or ``@skip``: the value, or the variable, that must be as wanted."""

    wanted: bool
    variable: str | None
    constant: bool | None

    def holds(self, variables: Variables) -> bool:
        """Whether the selection is asked for with these variables."""
        value = self.constant if self.variable is None else variables.get(self.variable)
        return bool(value) is self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One field that is asked for."""

    key: str
    name: str
    arguments: tuple[ArgumentNode, ...] = ()
    #: Types of the fragments around it: it is asked for on objects of all of them.
    types: tuple[str, ...] = ()
    inclusions: tuple[Inclusion, ...] = ()
    children: tuple[Selection, ...] = ()

    def included(self, variables: Variables) -> bool:
        """Whether its directives ask for it."""
        return all(inclusion.holds(variables) for inclusion in self.inclusions)

    def given(self, variables: Variables) -> dict[str, Any]:
        """The arguments' values. One whose variable was not sent is left out."""
        values = {
            argument.name.value: value_from_ast_untyped(argument.value, dict(variables))
            for argument in self.arguments
        }
        return {name: value for name, value in values.items() if value is not Undefined}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One operation of a document, ready to be walked."""

    operation: str
    variables: tuple[VariableDefinitionNode, ...]
    selections: tuple[Selection, ...]

    def values(self, sent: Variables) -> dict[str, Any]:
        """The variables that were sent, with the document's defaults.

        Raises:
            InvalidInputError: if one that the document requires was not sent.
        """
        values: dict[str, Any] = {}
        for definition in self.variables:
            name = definition.variable.name.value
            if name in sent:
                values[name] = sent[name]
            elif definition.default_value is not None:
                values[name] = value_from_ast_untyped(definition.default_value)
            if values.get(name) is None and isinstance(definition.type, NonNullTypeNode):
                raise InvalidInputError(
                    f"The operation needs a value for the variable ${name}: send one."
                )
        return values


@lru_cache(maxsize=KEPT_PLANS)
def plan(document: str, operation_name: str | None) -> Plan:
    """Find the operation in the document and put its fragments in place.

    Raises:
        InvalidInputError: if the text is not a document, or has no such operation.
        TooLargeError: if it asks for more than this server walks.
        UnstorableTextError: if a text in it cannot be stored.
    """
    if len(document) > MAX_DOCUMENT_CHARACTERS:
        raise TooLargeError(
            f"The document has {len(document)} characters; "
            f"at most {MAX_DOCUMENT_CHARACTERS} are accepted. Send less."
        )
    try:
        parsed = parse(document, no_location=True, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        raise InvalidInputError(f"The document is not GraphQL: {error.message}") from error
    except RecursionError as error:
        raise TooLargeError("The document is nested too deeply. Send less.") from error
    require_storable_texts(document, parsed)
    operation = _operation(parsed, operation_name)
    fragments = {
        definition.name.value: definition
        for definition in parsed.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    declared = {definition.variable.name.value for definition in operation.variable_definitions}
    walk = _Walk(fragments=fragments, variables=frozenset(declared))
    return Plan(
        operation=operation.operation.value,
        variables=tuple(operation.variable_definitions),
        selections=_merged(walk.selections(operation.selection_set, _Place())),
    )


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [
        definition
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    ]
    named = [
        operation
        for operation in operations
        if name is None or (operation.name is not None and operation.name.value == name)
    ]
    if not named:
        called = "operation" if name is None else f"operation called {name!r}"
        raise InvalidInputError(f"The document holds no {called}: send a query or a mutation.")
    if len(named) > 1:
        raise InvalidInputError("The document holds several operations: send operationName too.")
    if named[0].operation.value == "subscription":
        raise InvalidInputError("Subscriptions are not served here: send a query or a mutation.")
    return named[0]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the document a selection stands."""

    depth: int = 1
    types: tuple[str, ...] = ()
    inclusions: tuple[Inclusion, ...] = ()
    open_fragments: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Walk:
    """Puts fragments in place, counting what it has seen."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: frozenset[str]
    seen: int = field(default=0)
    aliases: int = field(default=0)

    def selections(self, node: SelectionSetNode, place: _Place) -> Iterator[Selection]:
        if place.depth > MAX_DEPTH:
            raise TooLargeError(
                f"The document is nested more than {MAX_DEPTH} levels deep. Send less."
            )
        for selection in node.selections:
            self.seen += 1
            if self.seen > MAX_SELECTIONS:
                raise TooLargeError(
                    f"The document asks for more than {MAX_SELECTIONS} fields. Send less."
                )
            yield from self._selection(selection, place)

    def _selection(self, node: SelectionNode, place: _Place) -> Iterator[Selection]:
        inclusions = place.inclusions + tuple(self._inclusions(node.directives))
        if isinstance(node, FieldNode):
            yield self._field(node, place, inclusions)
        elif isinstance(node, FragmentSpreadNode):
            yield from self._fragment(node.name.value, replace(place, inclusions=inclusions))
        elif isinstance(node, InlineFragmentNode):
            condition: NamedTypeNode | None = node.type_condition
            types = place.types if condition is None else (*place.types, condition.name.value)
            inside = replace(place, depth=place.depth + 1, types=types, inclusions=inclusions)
            yield from self.selections(node.selection_set, inside)

    def _field(
        self, node: FieldNode, place: _Place, inclusions: tuple[Inclusion, ...]
    ) -> Selection:
        self._count_alias(node)
        for argument in node.arguments:
            self._check_variables(argument.value)
        below = _Place(depth=place.depth + 1, open_fragments=place.open_fragments)
        inner = node.selection_set
        children = () if inner is None else self.selections(inner, below)
        return Selection(
            key=node.alias.value if node.alias else node.name.value,
            name=node.name.value,
            arguments=tuple(node.arguments),
            types=place.types,
            inclusions=inclusions,
            children=_merged(children),
        )

    def _count_alias(self, node: FieldNode) -> None:
        self.aliases += node.alias is not None
        if self.aliases > MAX_ALIASES:
            raise TooLargeError(f"The document has more than {MAX_ALIASES} aliases. Send less.")

    def _fragment(self, name: str, place: _Place) -> Iterator[Selection]:
        definition = self.fragments.get(name)
        if definition is None:
            raise InvalidInputError(
                f"The document uses the fragment {name!r} and does not define it."
            )
        if name in place.open_fragments:
            raise InvalidInputError(f"The fragment {name!r} contains itself.")
        inside = replace(
            place,
            depth=place.depth + 1,
            types=(*place.types, definition.type_condition.name.value),
            open_fragments=place.open_fragments | {name},
        )
        yield from self.selections(definition.selection_set, inside)

    def _inclusions(self, directives: Iterable[DirectiveNode]) -> Iterator[Inclusion]:
        found: set[str] = set()
        for directive in directives:
            name = directive.name.value
            if name not in {"include", "skip"}:
                raise InvalidInputError(f"There is no directive @{name}; leave it out.")
            if name in found:
                raise InvalidInputError(f"@{name} appears here twice; leave one of them out.")
            found.add(name)
            conditions = [a.value for a in directive.arguments if a.name.value == "if"]
            if len(conditions) != 1:
                raise InvalidInputError(f"@{name} takes one argument, if: Boolean!.")
            yield self._inclusion(conditions[0], wanted=name == "include")

    def _inclusion(self, condition: ValueNode, *, wanted: bool) -> Inclusion:
        if isinstance(condition, VariableNode):
            self._check_variables(condition)
            return Inclusion(wanted=wanted, variable=condition.name.value, constant=None)
        if isinstance(condition, BooleanValueNode):
            return Inclusion(wanted=wanted, variable=None, constant=condition.value)
        raise InvalidInputError("@include and @skip take true, false or a variable.")

    def _check_variables(self, value: Any) -> None:
        """Refuse a variable that the operation does not declare, at any depth of a value."""
        if isinstance(value, VariableNode):
            if value.name.value not in self.variables:
                raise InvalidInputError(
                    f"The operation does not declare the variable ${value.name.value}."
                )
            return
        for inner in [*getattr(value, "values", ()), *getattr(value, "fields", ())]:
            self._check_variables(getattr(inner, "value", inner))


def _merged(selections: Iterable[Selection]) -> tuple[Selection, ...]:
    """Join the children of a field that is asked for twice, so that it is answered once."""
    found: dict[tuple[object, ...], Selection] = {}
    for selection in selections:
        place = (selection.key, selection.types, selection.inclusions)
        earlier = found.setdefault(place, selection)
        if earlier is selection:
            continue
        if (earlier.name, earlier.arguments) != (selection.name, selection.arguments):
            raise InvalidInputError(
                f"The document asks for {selection.key!r} twice, differently: use an alias."
            )
        children = _merged((*earlier.children, *selection.children))
        found[place] = replace(earlier, children=children)
    return tuple(found.values())
