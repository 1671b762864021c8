"""From an error to the wire: a member of the result's union, or an entry in ``errors``."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping, Sequence

from dagster_graphql.schema.errors import GraphenePythonError, GrapheneUnauthorizedError
from dagster_shared.error import SerializableErrorInfo
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    GraphQLUnionType,
    InlineFragmentNode,
    NamedTypeNode,
    OperationType,
    SelectionNode,
    get_named_type,
)

from dagstead.control.away import raise_if_away
from dagstead.errors import (
    DagsteadError,
    DeploymentNotFoundError,
    ForbiddenError,
    InvalidDocumentError,
    InvalidInputError,
    LastDeploymentError,
    TooManySecretsError,
    report_unexpected,
)
from dagstead.operator_api.extension import Resolver

logger = logging.getLogger(__name__)

#: The interface of all errors of open-source Dagster.
_ANY_ERROR = "Error"

#: What Dagster writes in front of our sentence on code that cannot be asked.
_UNREACHABLE = re.compile(r"^(?:dagster\.\S*)?DagsterUserCodeUnreachableError: ")

#: The members that have a message and nothing else.
_MEMBERS: Mapping[type[DagsteadError], Sequence[str]] = {
    DeploymentNotFoundError: ["DeploymentNotFoundError"],
    LastDeploymentError: ["DeleteFinalDeploymentError"],
    InvalidInputError: ["InvalidSecretInputError", "InvalidAlertPolicyError"],
    TooManySecretsError: ["TooManySecretsError"],
}


def python_error(message: str, code: str | None = None) -> GraphenePythonError:
    """The open-source error member, without a stack: ours are messages for people.

    Args:
        message: for people.
        code: the name of our error, by which our own client knows what kind it is.
    """
    return as_python_error(SerializableErrorInfo(message=message, stack=[], cls_name=code))


def as_python_error(error: SerializableErrorInfo) -> GraphenePythonError:
    """The open-source error member."""
    return GraphenePythonError(error)  # type: ignore[no-untyped-call]


def member(error: Exception, members: frozenset[str]) -> object:
    """The union member for this error.

    Args:
        error: what was raised.
        members: the members that the calling clients read a text from. The error goes into the most
            specific one of them.
    """
    match error:
        case InvalidDocumentError() if "InvalidLocationError" in members:
            return {"__typename": "InvalidLocationError", "errors": list(error.errors)}
        case ForbiddenError() if "UnauthorizedError" in members:
            return GrapheneUnauthorizedError(error.message)  # type: ignore[no-untyped-call]
        case DagsteadError() if named := members.intersection(_MEMBERS.get(type(error), ())):
            return {"__typename": min(named), "message": error.message}
        case DagsteadError():
            return python_error(error.message, type(error).__name__)
        case _:
            return python_error(_unexpected(error))


def as_member(*members: str) -> Callable[[Resolver], Resolver]:
    """Decorate a resolver so that what it raises becomes a member of its union.

    A client that asks for a change and selects nothing of any member, but at most the name of its
    type, would take a refusal for success: for such a client it goes to ``errors``.

    Args:
        members: see :func:`member`; ``PythonError`` is always one.

    ``StoreAwayError`` is raised: the whole request is then answered with 503, and the client sends
    it again.
    """
    named = frozenset(members)

    def decorate(resolver: Resolver) -> Resolver:
        @functools.wraps(resolver)
        def resolve(info: GraphQLResolveInfo, **kwargs: object) -> object:
            if _selects_no_member(info):
                return as_error(resolver)(info, **kwargs)
            try:
                return resolver(info, **kwargs)
            except Exception as error:  # noqa: BLE001 - every error becomes an answer
                raise_if_away(error)
                return member(error, named)

        return resolve

    return decorate


def refused_member(info: GraphQLResolveInfo, error: ForbiddenError) -> object:
    """What a field answers, whoever resolves it, to a caller whom it is not for.

    Raises:
        ForbiddenError: ``error``, where the caller reads no text of a member that fits: it would
            show the name of the member at best.
    """
    kind = get_named_type(info.return_type)
    members = kind.types if isinstance(kind, GraphQLUnionType) else ()
    read = _read_types(info)
    names = {each.name for each in members if {each.name, _ANY_ERROR} & read}
    if names.isdisjoint({"UnauthorizedError", "PythonError"}):
        raise error
    return member(error, frozenset(names))


def readable(info: GraphQLResolveInfo, answer: object) -> object:
    """An answer of open-source Dagster, as an error that the caller reads a text from.

    The official command line asks of a launch that failed for the name of the error and nothing
    else, but of one member, ``PythonError``, for its message.
    """
    name = str(getattr(getattr(answer, "_meta", None), "name", ""))
    text = _text_of(answer)
    if text is None or name == "PythonError":
        return answer
    read = _read_types(info)
    if name in read or _ANY_ERROR in read or "PythonError" not in read:
        return answer
    is_ours = text != getattr(answer, "message", None)
    return python_error(text if is_ours else f"{name}: {text}", name)


def _text_of(answer: object) -> str | None:
    """What an error says; ``None`` of what is none."""
    message = getattr(answer, "message", None)
    if isinstance(message, str):
        return _UNREACHABLE.sub("", message).strip()
    errors = getattr(answer, "errors", None)
    if not isinstance(errors, list | tuple):
        return None
    said = [str(each.message) for each in errors if getattr(each, "message", None)]
    return " ".join(said) or None


def as_error(resolver: Resolver) -> Resolver:
    """Decorate a resolver whose result has no error member: what it raises goes to ``errors``.

    The web server shows the message of our own errors only, so any other becomes one of them.
    """

    @functools.wraps(resolver)
    def resolve(*args: object, **kwargs: object) -> object:
        try:
            return resolver(*args, **kwargs)
        except DagsteadError:
            raise
        except Exception as error:
            raise_if_away(error)
            raise DagsteadError(_unexpected(error)) from error

    return resolve


def _selects_no_member(info: GraphQLResolveInfo) -> bool:
    """Whether a change was asked for, and nothing of how it went."""
    return info.operation.operation is OperationType.MUTATION and all(
        isinstance(selection, FieldNode)
        for node in info.field_nodes
        if node.selection_set is not None
        for selection in node.selection_set.selections
    )


def _read_types(info: GraphQLResolveInfo) -> set[str]:
    """The types of which the caller asks for more than their name."""
    found: set[str] = set()
    ahead: list[SelectionNode] = [
        selection
        for node in info.field_nodes
        if node.selection_set is not None
        for selection in node.selection_set.selections
    ]
    while ahead:
        fragment: SelectionNode | FragmentDefinitionNode = ahead.pop()
        if isinstance(fragment, FragmentSpreadNode):
            fragment = info.fragments[fragment.name.value]
        if isinstance(fragment, InlineFragmentNode | FragmentDefinitionNode):
            inside = fragment.selection_set.selections
            condition: NamedTypeNode | None = fragment.type_condition
            if condition is not None and any(map(_is_text, inside)):
                found.add(condition.name.value)
            ahead += inside
    return found


def _is_text(selection: SelectionNode) -> bool:
    return not isinstance(selection, FieldNode) or selection.name.value != "__typename"


def _unexpected(error: Exception) -> str:
    return report_unexpected(error, "the operator's API", logger)
