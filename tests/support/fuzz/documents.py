"""GraphQL requests: of the operator's schema by its types, of agents by their own documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    parse,
)
from graphql.language import ListTypeNode, NamedTypeNode, NonNullTypeNode, OperationDefinitionNode

from tests.contract.documents import Document
from tests.support.fuzz.odd_values import NUMBERS, text, value

#: They would take away what the other requests are about.
LEFT_ALONE = frozenset(
    {
        "deleteDeployment",
        "removeDeployment",
        "createOrUpdateAgentPermissions",
        "removeAgentPermissions",
        "revokeAgentToken",
        "revokeUserToken",
        "revokeToken",
        "createAgentToken",
        "createUserToken",
    }
)
_DEEPEST = 3


@dataclass(slots=True)
class OperatorRequests:
    """Requests that the schema allows, with values that nobody expects."""

    schema: GraphQLSchema
    random: Random
    _declared: list[str] = field(default_factory=list)
    _variables: dict[str, Any] = field(default_factory=dict)

    def make(self) -> dict[str, Any]:
        """A request's JSON."""
        self._declared, self._variables = [], {}
        kind = "mutation" if self.random.random() < 0.3 else "query"
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        assert root is not None
        names = sorted(root.fields.keys() - LEFT_ALONE)
        chosen = self.random.sample(names, self.random.randint(1, 2))
        fields = " ".join(self._field(name, root.fields[name], 1) for name in chosen)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        return {"query": f"{kind} Q{declared} {{ {fields} }}", "variables": self._variables}

    def _field(self, name: str, of: GraphQLField, depth: int) -> str:
        arguments = []
        for argument, about in of.args.items():
            if isinstance(about.type, GraphQLNonNull) or self.random.random() < 0.5:
                variable = f"v{len(self._declared)}"
                self._declared.append(f"${variable}: {about.type}")
                self._variables[variable] = self._value(about.type, 0)
                arguments.append(f"{argument}: ${variable}")
        given = f"({', '.join(arguments)})" if arguments else ""
        return f"{name}{given} {self._selection(get_named_type(of.type), depth)}"

    def _selection(self, kind: GraphQLNamedType, depth: int) -> str:
        if isinstance(kind, GraphQLUnionType):
            parts = (
                f"... on {inner.name} {self._selection(inner, depth)}"
                for inner in self.random.sample(kind.types, min(3, len(kind.types)))
            )
            return f"{{ __typename {' '.join(parts)} }}"
        fields = getattr(kind, "fields", None)
        if not fields:
            return ""
        if depth >= _DEEPEST or not isinstance(kind, GraphQLObjectType):
            return "{ __typename }"
        names = self.random.sample(sorted(fields), min(len(fields), self.random.randint(1, 6)))
        inner_fields = " ".join(self._field(name, fields[name], depth + 1) for name in names)
        return f"{{ __typename {inner_fields} }}"

    def _value(self, kind: Any, depth: int) -> Any:
        if self.random.random() < 0.03:
            return value(self.random)
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, depth)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, depth + 1) for _ in range(depth < _DEEPEST)]
        return self._named_value(kind, depth)

    def _named_value(self, kind: Any, depth: int) -> Any:
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(sorted(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self._value(about.type, depth + 1)
                for name, about in kind.fields.items()
                if isinstance(about.type, GraphQLNonNull) or self.random.random() < 0.5
            }
        return _scalar(self.random, kind.name)


@dataclass(frozen=True, slots=True)
class AgentRequests:
    """What official agents ask, with values that they would not send."""

    documents: Sequence[Document]
    random: Random

    def make(self) -> dict[str, Any]:
        """A request's JSON."""
        document = self.random.choice(self.documents)
        operation = next(
            each
            for each in parse(document.text).definitions
            if isinstance(each, OperationDefinitionNode)
        )
        variables = {
            each.variable.name.value: self._value(each.type)
            for each in operation.variable_definitions
            if isinstance(each.type, NonNullTypeNode) or self.random.random() < 0.6
        }
        return {"query": document.text, "variables": variables}

    def _value(self, kind: Any) -> Any:
        if self.random.random() < 0.1:
            return value(self.random)
        match kind:
            case NonNullTypeNode():
                return self._value(kind.type)
            case ListTypeNode():
                return [self._value(kind.type) for _ in range(self.random.randrange(3))]
            case NamedTypeNode():
                return _scalar(self.random, kind.name.value)
            case _:
                raise TypeError(kind)


def _scalar(random: Random, name: str) -> Any:
    match name:
        case "Int" | "BigInt":
            return random.choice([0, 1, -1, 5, 2**31 - 1])
        case "Float" | "Timestamp":
            return random.choice(NUMBERS)
        case "Boolean":
            return random.random() < 0.5
        case "String" | "ID" | "JSONString":
            return text(random)
        case _:
            return value(random)
