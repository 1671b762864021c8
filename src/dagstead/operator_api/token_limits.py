"""What a token that is limited to locations may change: it deploys them, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
)

from dagstead.plane.tokens import Token

#: The root fields that it may use: they check the names of the locations, or change none.
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


def require_deploying(token: Token, document: DocumentNode) -> None:
    """Refuse a GraphQL document that changes more than the locations of a token.

    Raises:
        ForbiddenError: with the sentence for the caller.
    """
    for name in changes(document):
        if name not in _DEPLOYING:
            token.require_more_than_deploying(repr(name))


def changes(document: DocumentNode) -> Iterator[str]:
    """The root fields of all operations of a document that are not queries.

    A fragment is looked into once, however often it is used: fragments that repeat fragments grow
    exponentially.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    ahead = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        and definition.operation is not OperationType.QUERY
    ]
    while ahead:
        for selection in ahead.pop().selections:
            match selection:
                case FieldNode():
                    yield selection.name.value
                case InlineFragmentNode():
                    ahead.append(selection.selection_set)
                case FragmentSpreadNode():
                    fragment = fragments.pop(selection.name.value, None)
                    if fragment is not None:
                        ahead.append(fragment.selection_set)
                case _:
                    pass
