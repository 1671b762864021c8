"""What a token that is limited to locations may change: it deploys them, and nothing besides."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
)

from dagstead.plane.tokens import Token

#: The root fields. Each of them looks at the names of the locations, or changes none.
_DEPLOYING = frozenset(
    {
        "addOrUpdateLocationFromDocument",
        "createOrUpdateBranchDeployment",
        "createRelease",
        "deleteLocation",
        "deployLocations",
        "endRelease",
        "generateServerlessPexUrl",
        "markCliEvent",
        "reconcileLocationsFromDocument",
        "rollBack",
    }
)


def require_deploying(token: Token, document: str) -> None:
    """Refuse a GraphQL document that changes more than the locations of a token.

    Raises:
        ForbiddenError: with the sentence for the caller.
    """
    try:
        parsed = parse(document)
    except (GraphQLError, RecursionError):
        # It is refused further on, in the words of GraphQL.
        return
    for name in _changes(parsed):
        if name not in _DEPLOYING:
            token.require_more_than_deploying(repr(name))


def _changes(document: DocumentNode) -> Iterator[str]:
    """The root fields of everything in a document that is no query."""
    fragments = {
        each.name.value: each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode)
    }
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode) and each.operation is not OperationType.QUERY:
            yield from _fields(each.selection_set, fragments, frozenset())


def _fields(
    selections: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    seen: frozenset[str],
) -> Iterator[str]:
    for each in selections.selections:
        match each:
            case FieldNode():
                yield each.name.value
            case InlineFragmentNode():
                yield from _fields(each.selection_set, fragments, seen)
            case FragmentSpreadNode() if each.name.value not in seen:
                fragment = fragments.get(each.name.value)
                if fragment is not None:
                    inner = seen | {each.name.value}
                    yield from _fields(fragment.selection_set, fragments, inner)
            case _:
                pass
