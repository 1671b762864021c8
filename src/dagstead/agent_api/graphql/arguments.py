"""From the arguments on the wire to the keyword arguments of a resolver.

The keyword-only parameters of a resolver are its arguments: ``of_type`` takes the wire's
``ofType``, and the annotation says what it may be. An argument that is ``null`` counts as
not sent wherever the parameter has a default, because official clients send every argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from dagstead.errors import InvalidInputError

#: One message lists no more problems than these.
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument that a resolver takes."""

    wire_name: str
    name: str
    required: bool
    adapter: TypeAdapter[Any]


def keyword_arguments(
    resolver: Callable[..., object], given: Mapping[str, Any], field: str
) -> dict[str, Any]:
    """Check what was sent for the field against what its resolver takes.

    Raises:
        InvalidInputError: if an argument is unknown, missing, or of another type.
    """
    parameters = _parameters(_underlying(resolver))
    unknown = sorted(set(given) - {parameter.wire_name for parameter in parameters})
    if unknown:
        raise InvalidInputError(
            f"{field} takes no argument {unknown[0]!r}; leave it out, or update this server."
        )
    return dict(_taken(parameters, given, field))


def _taken(
    parameters: tuple[Parameter, ...], given: Mapping[str, Any], field: str
) -> Iterator[tuple[str, Any]]:
    for parameter in parameters:
        value = given.get(parameter.wire_name)
        if value is None and not parameter.required:
            continue
        if parameter.wire_name not in given:
            raise InvalidInputError(f"{field} needs the argument {parameter.wire_name!r}: send it.")
        try:
            yield parameter.name, parameter.adapter.validate_python(value)
        except ValidationError as error:
            raise InvalidInputError(
                f"The argument {parameter.wire_name!r} of {field} cannot be used: "
                f"{_problems(error)}"
            ) from error


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    texts = []
    for problem in found[:_SHOWN_PROBLEMS]:
        place = ".".join(str(step) for step in problem["loc"])
        texts.append(f"{place}: {problem['msg']}" if place else problem["msg"])
    if len(found) > _SHOWN_PROBLEMS:
        texts.append(f"and {len(found) - _SHOWN_PROBLEMS} more")
    return "; ".join(texts)


def _underlying(resolver: Callable[..., object]) -> Callable[..., object]:
    """The function itself, which is the same for all values that a resolver is bound to."""
    while isinstance(resolver, partial):
        resolver = resolver.func
    if inspect.isfunction(resolver) or inspect.isbuiltin(resolver):
        return resolver
    return getattr(resolver, "__func__", None) or type(resolver).__call__


@lru_cache(maxsize=1024)
def _parameters(function: Callable[..., object]) -> tuple[Parameter, ...]:
    names = getattr(function, "__globals__", {})
    return tuple(
        Parameter(
            wire_name=to_camel(parameter.name),
            name=parameter.name,
            required=parameter.default is inspect.Parameter.empty,
            adapter=TypeAdapter(_annotation(parameter.annotation, names)),
        )
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )


def _annotation(annotation: Any, names: dict[str, Any]) -> Any:
    # Annotations are texts here. Only those of the arguments are looked up: a context is often
    # imported for the type checker alone.
    return eval(annotation, names) if isinstance(annotation, str) else annotation  # noqa: S307
