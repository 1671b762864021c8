"""The root fields of a GraphQL document."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)


def root_fields(document: DocumentNode) -> Iterator[str]:
    """The names of the root fields of all operations of a document.

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
