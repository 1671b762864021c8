"""Answers a GraphQL document by calling a resolver for each field that is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar

from dagstead.agent_api.graphql.arguments import keyword_arguments
from dagstead.agent_api.graphql.plan import Selection, plan
from dagstead.errors import BusyError, DagsteadError, InvalidInputError, report_unexpected

C = TypeVar("C")

#: ``resolver(context, **arguments)``. The keyword-only parameters are the field's arguments, see
#: ``arguments.py``. What it returns is cut down to what was asked for: mappings, lists and
#: scalars. A value inside that is itself callable is a resolver of a nested field.
Resolver: TypeAlias = Callable[..., Any]

Path: TypeAlias = tuple[str | int, ...]

#: The keys under which a mapping names its type and its interfaces, for fragments on types.
TYPENAME = "__typename"
INTERFACES = "__interfaces"

logger = logging.getLogger(__name__)

#: The answer of a mutation that cannot fail by its own rules.
OK: Final = {"ok": True}

#: The same for mutations whose answer has ``success`` instead.
SUCCESS: Final = {"success": True, "error": None}


@dataclass(frozen=True, slots=True)
class Namespace:
    """Fields under one name: ``runs { getRunById }``. Known before anything is called."""

    typename: str
    fields: Mapping[str, Resolver | Namespace]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field is: in the answer, and among the operations."""

    path: Path
    operation: str

    def below(self, selection: Selection) -> _Place:
        operation = f"{self.operation}.{selection.name}" if self.operation else selection.name
        return _Place((*self.path, selection.key), operation)


@dataclass(frozen=True, slots=True)
class _Call(Generic[C]):
    """One operation under way."""

    context: C
    variables: Mapping[str, Any]
    errors: list[dict[str, Any]] = field(default_factory=list)


def python_error(error: Exception) -> dict[str, Any]:
    """An expected failure. The official client chooses its own exception by the class name.

    The stack stays here: it names files of this server.
    """
    return {
        TYPENAME: "PythonError",
        "message": str(error),
        "className": type(error).__name__,
        "stack": [],
        "cause": None,
        "causes": [],
    }


def failure(error: Exception) -> dict[str, Any]:
    """The answer of a mutation that failed by its own rules."""
    return {"ok": False, "success": False, "error": python_error(error)}


def busy(error: Exception) -> DagsteadError | None:
    """The error itself if it asks the client to try again."""
    return error if isinstance(error, BusyError) else None


def permit_all(_context: object, _operation: str, _given: Mapping[str, Any]) -> None:
    """Leave it to the resolvers who may ask for what."""


def unrecorded(
    _context: object, _operation: str, _given: Mapping[str, Any]
) -> AbstractContextManager[None]:
    """Leave no trace of what is asked for."""
    return nullcontext()


def own_message(error: Exception) -> str | None:
    """The public text of one of our errors; None for any other."""
    return error.message if isinstance(error, DagsteadError) else None


@dataclass(frozen=True)
class Executor(Generic[C]):
    """Walks an operation over a tree of resolvers.

    An unknown field, a bad argument or a resolver that fails is an error in the answer, with the
    path of the field; the other fields are answered. Errors that the caller must turn into an HTTP
    status are raised instead, because the official client reads ``errors`` as final.

    Attributes:
        roots: The fields of queries and of mutations alike.
        leaving: The error that leaves ``execute`` for an exception of a resolver, or None if it is
            answered.
        message_of: The public text of an exception, or None if it has none: then a reference is
            answered and the exception is logged under it.
        permit: Raises when the caller may not ask for a field, by its name from the root
            (``runs.addRun``) and its arguments.
        recorded: What goes around the same, for the trail.
    """

    roots: Mapping[str, Resolver | Namespace]
    leaving: Callable[[Exception], DagsteadError | None] = busy
    message_of: Callable[[Exception], str | None] = own_message
    permit: Callable[[C, str, Mapping[str, Any]], None] = permit_all
    recorded: Callable[[C, str, Mapping[str, Any]], AbstractContextManager[None]] = unrecorded

    def execute(
        self,
        document: str,
        variables: Mapping[str, Any] | None,
        operation_name: str | None,
        context: C,
    ) -> dict[str, Any]:
        """Answer one operation with ``data``, ``errors`` or both.

        Raises:
            BusyError: or another error that ``leaving`` names.
        """
        try:
            planned = plan(document, operation_name)
            root = Namespace(planned.operation.capitalize(), self.roots)
            _check_known(planned.selections, root)
            call = _Call(context, planned.values(variables or {}))
        except DagsteadError as error:
            return {"errors": [{"message": error.message}]}
        data = self._namespace(call, root, planned.selections, _Place((), ""))
        return {"data": data, "errors": call.errors} if call.errors else {"data": data}

    def _namespace(
        self,
        call: _Call[C],
        namespace: Namespace,
        selections: tuple[Selection, ...],
        place: _Place,
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for selection in _wanted(selections, call.variables):
            if selection.name == TYPENAME:
                answer[selection.key] = namespace.typename
                continue
            inner = namespace.fields[selection.name]
            here = place.below(selection)
            if isinstance(inner, Namespace):
                answer[selection.key] = self._namespace(call, inner, selection.children, here)
            else:
                answer[selection.key] = self._field(call, inner, selection, here)
        return answer

    def _field(
        self, call: _Call[C], resolver: Resolver, selection: Selection, place: _Place
    ) -> Any:
        """One resolver's answer, or None and an error."""
        path = place.path
        try:
            arguments = _arguments(call, resolver, selection)
            with self.recorded(call.context, place.operation, arguments):
                self.permit(call.context, place.operation, arguments)
                return self._cut(call, resolver(call.context, **arguments), selection, path)
        except Exception as error:  # noqa: BLE001 the client gets the public part
            leaving = self.leaving(error)
            if leaving is not None:
                raise leaving  # noqa: B904 - it names its cause itself
            call.errors.append({"message": self._message(error, path), "path": list(path)})
            return None

    def _message(self, error: Exception, path: Path) -> str:
        message = self.message_of(error)
        if message is not None:
            return message
        return report_unexpected(error, ".".join(map(str, path)), logger)

    def _resolved(
        self, call: _Call[C], resolver: Resolver, selection: Selection, path: Path
    ) -> Any:
        value = resolver(call.context, **_arguments(call, resolver, selection))
        return self._cut(call, value, selection, path)

    def _cut(self, call: _Call[C], value: Any, selection: Selection, path: Path) -> Any:
        """Reduce a value to what the selection asks for."""
        if not selection.children:
            return _plain(value, selection)
        if value is None:
            return value
        if isinstance(value, Mapping):
            return self._cut_mapping(call, value, selection, path)
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [
                self._cut(call, inner, selection, (*path, index))
                for index, inner in enumerate(value)
            ]
        raise InvalidInputError(f"{selection.name} is a plain value: ask for no fields of it.")

    def _cut_mapping(
        self, call: _Call[C], value: Mapping[str, Any], selection: Selection, path: Path
    ) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        for child in _wanted(selection.children, call.variables):
            if not _is_of(value, child.types):
                continue
            here = (*path, child.key)
            if child.name not in value or child.name == INTERFACES:
                raise InvalidInputError(_unknown(child.name, selection.name))
            inner = self._inner(call, value[child.name], child, here)
            answer[child.key] = _joined(answer.get(child.key), inner)
        return answer

    def _inner(self, call: _Call[C], value: Any, selection: Selection, path: Path) -> Any:
        if callable(value):
            return self._resolved(call, value, selection, path)
        if selection.arguments:
            raise InvalidInputError(f"{selection.name} takes no arguments; leave them out.")
        return self._cut(call, value, selection, path)


def _arguments(call: _Call[Any], resolver: Resolver, selection: Selection) -> dict[str, Any]:
    return keyword_arguments(resolver, selection.given(call.variables), selection.name)


def _plain(value: Any, selection: Selection) -> Any:
    """A value of which no fields are asked for, so that it may have none that wait for it."""
    if _has_fields(value):
        raise InvalidInputError(f"{selection.name} has fields: ask for some of them.")
    return value


def _has_fields(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_fields, value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(map(_has_fields, value))
    return callable(value)


def _joined(earlier: Any, later: Any) -> Any:
    """Two fragments may each ask for a part of the same field."""
    both = isinstance(earlier, dict) and isinstance(later, dict)
    return {**earlier, **later} if both else later


def _wanted(selections: tuple[Selection, ...], variables: Mapping[str, Any]) -> Iterator[Selection]:
    return (selection for selection in selections if selection.included(variables))


def _is_of(value: Mapping[str, Any], types: tuple[str, ...]) -> bool:
    """Whether fragments on these types apply to this value. One without a type always does."""
    typename = value.get(TYPENAME)
    if typename is None:
        return True
    own = {typename, *value.get(INTERFACES, ())}
    return own.issuperset(types)


def _check_known(selections: tuple[Selection, ...], namespace: Namespace) -> None:
    """Refuse an operation with an unknown field before any part of it runs."""
    for selection in selections:
        if selection.name == TYPENAME:
            continue
        inner = namespace.fields.get(selection.name)
        if inner is None:
            raise InvalidInputError(_unknown(selection.name, namespace.typename))
        if isinstance(inner, Namespace):
            _check_namespace(selection, inner)
            _check_known(selection.children, inner)


def _check_namespace(selection: Selection, namespace: Namespace) -> None:
    if selection.arguments:
        raise InvalidInputError(f"{selection.name} takes no arguments; leave them out.")
    if not selection.children:
        raise InvalidInputError(
            f"{selection.name} holds fields of {namespace.typename}: ask for some of them."
        )


def _unknown(name: str, parent: str) -> str:
    return (
        f"{parent} has no field {name!r} on this server. If the caller is newer than the server, "
        "update the server."
    )
