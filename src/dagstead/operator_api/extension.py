"""Adds types and root fields, written in GraphQL's own language, to a ready schema.

``graphql.extend_schema`` copies every type and thereby loses how graphene's enums turn Python
values into text. Here the open-source types stay the very same objects; only the two roots are
rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from graphql import (
    DocumentNode,
    EnumTypeDefinitionNode,
    FieldDefinitionNode,
    GraphQLAbstractType,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    ListTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    parse,
    specified_scalar_types,
)

#: Called as ``resolver(info, **arguments)``.
Resolver: TypeAlias = Callable[..., Any]


def extend(
    base: GraphQLSchema,
    definitions: str,
    *,
    queries: Mapping[str, Resolver],
    mutations: Mapping[str, Resolver],
    replaced_queries: Mapping[str, Resolver],
    wrapped_mutations: Mapping[str, Callable[[Resolver], Resolver]],
) -> GraphQLSchema:
    """A schema with the definitions added.

    Args:
        base: the schema whose types the definitions may name.
        definitions: types, ``extend type Query`` and ``extend type Mutation``.
        queries: a resolver for each field that Query gains.
        mutations: the same for Mutation.
        replaced_queries: a resolver for each field of Query that is answered in another way.
        wrapped_mutations: for fields of Mutation, what goes around the resolver that they have;
            it is called with the root object first.

    Raises:
        ValueError: when fields and resolvers are not the same set.
    """
    builder = _Builder(base, parse(definitions))
    query = builder.root("Query", base.query_type, queries)
    for name, resolver in replaced_queries.items():
        query.fields[name].resolve = _as_root(resolver)
    mutation = builder.root("Mutation", base.mutation_type, mutations)
    for name, wrap in wrapped_mutations.items():
        mutation.fields[name].resolve = wrap(cast("Resolver", mutation.fields[name].resolve))
    return GraphQLSchema(
        query=query,
        mutation=mutation,
        subscription=base.subscription_type,
        types=[*builder.kept(), *builder.own.values()],
        directives=base.directives,
    )


@dataclass
class _Builder:
    base: GraphQLSchema
    document: DocumentNode
    own: dict[str, GraphQLNamedType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.document.definitions:
            made = self._define(node)
            if made is not None:
                self.own[made.name] = made

    def kept(self) -> Iterable[GraphQLNamedType]:
        roots = {"Query", "Mutation"}
        return (kept for name, kept in self.base.type_map.items() if name not in roots)

    def root(
        self, name: str, old: GraphQLObjectType | None, resolvers: Mapping[str, Resolver]
    ) -> GraphQLObjectType:
        fields = {field_name: copy(node) for field_name, node in old.fields.items()} if old else {}
        added = {
            item.name.value: item
            for node in self.document.definitions
            if isinstance(node, ObjectTypeExtensionNode) and node.name.value == name
            for item in node.fields
        }
        if added.keys() != resolvers.keys():
            msg = (
                f"{name}: fields and resolvers differ by {sorted(added.keys() ^ resolvers.keys())}"
            )
            raise ValueError(msg)
        for field_name, node in added.items():
            fields[field_name] = self._field(node, resolvers[field_name])
        return GraphQLObjectType(name, fields=fields)

    def _define(self, node: object) -> GraphQLNamedType | None:
        match node:
            case ObjectTypeDefinitionNode():
                return GraphQLObjectType(
                    node.name.value,
                    fields=lambda: {item.name.value: self._field(item) for item in node.fields},
                    interfaces=lambda: [
                        cast("GraphQLInterfaceType", self._named(interface.name.value))
                        for interface in node.interfaces
                    ],
                )
            case UnionTypeDefinitionNode():
                return GraphQLUnionType(
                    node.name.value,
                    types=lambda: [
                        cast("GraphQLObjectType", self._named(member.name.value))
                        for member in node.types
                    ],
                    resolve_type=_member,
                )
            case EnumTypeDefinitionNode():
                names = [value.name.value for value in node.values]
                return GraphQLEnumType(node.name.value, {name: name for name in names})
            case InputObjectTypeDefinitionNode():
                return GraphQLInputObjectType(
                    node.name.value,
                    fields=lambda: {
                        item.name.value: GraphQLInputField(self._type(item.type))
                        for item in node.fields
                    },
                )
            case _:
                return None

    def _field(self, node: FieldDefinitionNode, resolver: Resolver | None = None) -> GraphQLField:
        return GraphQLField(
            self._type(node.type),
            args={argument.name.value: self._argument(argument) for argument in node.arguments},
            resolve=_as_root(resolver) if resolver else None,
        )

    def _argument(self, node: InputValueDefinitionNode) -> GraphQLArgument:
        return GraphQLArgument(self._type(node.type))

    def _type(self, node: TypeNode) -> Any:
        match node:
            case NonNullTypeNode():
                return GraphQLNonNull(self._type(node.type))
            case ListTypeNode():
                return GraphQLList(self._type(node.type))
            case _:
                return self._named(cast("Any", node).name.value)

    def _named(self, name: str) -> GraphQLNamedType:
        found = self.own.get(name) or self.base.get_type(name) or specified_scalar_types.get(name)
        if found is None:
            msg = f"The definitions name a type {name!r} that is neither theirs nor in the schema."
            raise ValueError(msg)
        return found


def _as_root(resolver: Resolver) -> Resolver:
    def resolve(_root: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        return resolver(info, **arguments)

    return resolve


def _member(value: object, _info: GraphQLResolveInfo, _union: GraphQLAbstractType) -> str:
    return _type_name(value)


def _type_name(value: object) -> str:
    """Ours are mappings that name their type; open-source ones are graphene objects."""
    if isinstance(value, Mapping):
        return str(value["__typename"])
    return str(cast("Any", value)._meta.name)  # noqa: SLF001 - graphene's documented place
