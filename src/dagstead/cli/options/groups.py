"""Let commands take groups of options as parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import cache, wraps
from inspect import Parameter, Signature, signature
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def grouped(command: Callable[..., R]) -> Callable[..., R]:
    """Show typer the fields of each group instead of the group, and fill the groups for the call.

    A parameter is a group if its type is a dataclass. A field with ``init=False`` is not an option:
    the group sets it itself.

    Raises:
        ValueError: when two options of the command have one name.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[Parameter] = []
    groups: dict[str, type] = {}
    for parameter in signature(command).parameters.values():
        hint = hints[parameter.name]
        if isinstance(hint, type) and is_dataclass(hint):
            groups[parameter.name] = hint
            parameters += _options_of(hint)
        else:
            parameters.append(parameter.replace(annotation=hint))
    shown = Signature(parameters, return_annotation=hints.get("return"))

    @wraps(command)
    def call(**values: Any) -> R:
        for name, group in groups.items():
            options = {option.name: values.pop(option.name) for option in _options_of(group)}
            values[name] = group(**options)
        return command(**values)

    # Typer reads both, and they have to agree.
    call.__annotations__ = dict(_annotations(shown))
    call.__signature__ = shown  # type: ignore[attr-defined]
    return call


@cache
def _options_of(group: type) -> tuple[Parameter, ...]:
    hints = get_type_hints(group, include_extras=True)
    return tuple(
        option.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[option.name])
        for option in signature(group).parameters.values()
    )


def _annotations(shown: Signature) -> Iterator[tuple[str, Any]]:
    for parameter in shown.parameters.values():
        yield parameter.name, parameter.annotation
    yield "return", shown.return_annotation
