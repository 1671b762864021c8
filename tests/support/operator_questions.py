"""Questions to the operator's surface, made from its schema: every root field, asked in full."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

#: How far into a type a question goes.
_DEPTH = 3


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Makes questions about named objects."""

    schema: GraphQLSchema
    #: What to ask about, by the name of an argument or of a field of an input.
    names: Mapping[str, Any]
    #: What was selected of root fields: there are many thousands of fields below some.
    _selected: dict[tuple[str, int], str] = dataclasses.field(default_factory=dict)

    def roots(self) -> Iterator[tuple[str, str, GraphQLField]]:
        """Every root field: its operation, its name, and what it is."""
        for operation, root in (
            ("query", self.schema.query_type),
            ("mutation", self.schema.mutation_type),
            ("subscription", self.schema.subscription_type),
        ):
            assert root is not None
            for name, field in root.fields.items():
                yield operation, name, field

    def ask(
        self, operation: str, name: str, root: GraphQLField, *, depth: int = _DEPTH
    ) -> dict[str, Any]:
        """The body of a request that asks for a field, with everything that it has."""
        variables = {each: self._value(each, taken.type) for each, taken in root.args.items()}
        declared = ", ".join(f"${each}: {taken.type}" for each, taken in root.args.items())
        passed = ", ".join(f"{each}: ${each}" for each in root.args)
        if (name, depth) not in self._selected:
            self._selected[name, depth] = self._selection(root, depth)
        text = (
            f"{operation} {f'({declared})' if declared else ''} "
            f"{{ f: {name}{f'({passed})' if passed else ''} {self._selected[name, depth]} }}"
        )
        return {"query": text, "variables": variables}

    def unknown(self, field: GraphQLField) -> set[str]:
        """The arguments of a field for which there is nothing to ask about."""
        return {
            name
            for name, taken in field.args.items()
            if isinstance(get_named_type(taken.type), GraphQLScalarType)
            and get_named_type(taken.type).name not in {"Boolean", "Float"}
            and name not in self.names
        }

    def _value(self, name: str, kind: Any) -> Any:
        is_input = isinstance(get_named_type(kind), GraphQLInputObjectType)
        is_known = name in self.names and not (is_input and _is_text(self.names[name]))
        return self._known(name, kind) if is_known else self._made_up(name, kind)

    def _known(self, name: str, kind: Any) -> Any:
        known = self.names[name]
        if isinstance(known, int) and get_named_type(kind).name == "String":
            known = str(known)
        return [known] if _is_list(kind) and not isinstance(known, list) else known

    def _made_up(self, name: str, kind: Any) -> Any:
        match kind:
            case GraphQLNonNull():
                return self._value(name, kind.of_type)
            case GraphQLList():
                return [self._value(name, kind.of_type)]
            case GraphQLEnumType():
                return next(iter(kind.values))
            case GraphQLInputObjectType():
                return self._input(kind)
            case _:
                return {"Int": 1, "Float": 1.0, "Boolean": True}.get(str(kind), "nothing")

    def _input(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        return {
            name: self._value(name, taken.type)
            for name, taken in kind.fields.items()
            if isinstance(taken.type, GraphQLNonNull) or name in self.names
        }

    def _selection(self, field: GraphQLField, depth: int) -> str:
        kind = get_named_type(field.type)
        if is_leaf_type(kind):
            return ""
        parts = ["__typename"]
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            members = self.schema.get_possible_types(kind)
            unlike = _unlike(members)
            for number, member in enumerate(members):
                own = " ".join(self._fields(member, depth, f"m{number}_", unlike))
                parts.append(f"... on {member.name} {{ __typename {own} }}")
        else:
            assert isinstance(kind, GraphQLObjectType)
            parts += self._fields(kind, depth)
        return f"{{ {' '.join(parts)} }}"

    def _fields(
        self,
        kind: GraphQLObjectType,
        depth: int,
        prefix: str = "",
        renamed: frozenset[str] = frozenset(),
    ) -> Iterator[str]:
        for name, field in kind.fields.items():
            leaf = is_leaf_type(get_named_type(field.type))
            if any(map(_is_required, field.args.values())) or (not leaf and depth <= 1):
                continue
            alias = f"{prefix}{name}: " if name in renamed else ""
            yield f"{alias}{name} {self._selection(field, depth - 1)}"


def _unlike(members: Iterable[GraphQLObjectType]) -> frozenset[str]:
    """The fields that several members of a union have, with different types."""
    kinds: dict[str, set[str]] = {}
    for member in members:
        for name, field in member.fields.items():
            # Below fields of one name there may be such ones again.
            of_objects = "" if is_leaf_type(get_named_type(field.type)) else member.name
            kinds.setdefault(name, set()).add(f"{field.type} {of_objects}")
    return frozenset(name for name, found in kinds.items() if len(found) > 1)


def _is_required(taken: GraphQLArgument) -> bool:
    return isinstance(taken.type, GraphQLNonNull)


def _is_text(known: Any) -> bool:
    """Whether a name means something else in an input than elsewhere."""
    first = known[0] if isinstance(known, list) else known
    return isinstance(first, str)


def _is_list(kind: Any) -> bool:
    inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return isinstance(inner, GraphQLList)


def named_in(body: Mapping[str, Any]) -> str:
    """What a question itself names."""
    return json.dumps(body["variables"])
