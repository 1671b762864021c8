"""The functions that every expression of GitHub Actions can call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from tests.support.workflow_runner.expressions import (
    ExpressionError,
    Value,
    as_text,
    is_equal,
)


def contains(where: Value, what: Value) -> bool:
    """Whether a text has a part, or a list an item."""
    if isinstance(where, list):
        return any(is_equal(each, what) for each in where)
    return as_text(what).casefold() in as_text(where).casefold()


def starts_with(text: Value, start: Value) -> bool:
    """Without regard to case."""
    return as_text(text).casefold().startswith(as_text(start).casefold())


def ends_with(text: Value, end: Value) -> bool:
    """Without regard to case."""
    return as_text(text).casefold().endswith(as_text(end).casefold())


def format_text(pattern: Value, *values: Value) -> str:
    """A text with ``{0}`` replaced by the first value; ``{{`` stands for a brace."""

    def replaced(found: re.Match[str]) -> str:
        if found["brace"]:
            return found["brace"][0]
        if found["number"] is None or int(found["number"]) >= len(values):
            message = f"format({pattern!r}) has no value for {found[0]!r}"
            raise ExpressionError(message)
        return as_text(values[int(found["number"])])

    return re.sub(r"(?P<brace>\{\{|\}\})|\{(?P<number>\d+)\}|[{}]", replaced, as_text(pattern))


def join(items: Value, separator: Value = ",") -> str:
    """The items of a list as one text."""
    listed = items if isinstance(items, list) else [items]
    return as_text(separator).join(as_text(each) for each in listed)


def to_json(value: Value) -> str:
    """A value as JSON, indented as GitHub does it."""
    return json.dumps(value, indent=2)


def from_json(text: Value) -> Value:
    """What JSON says."""
    try:
        return json.loads(as_text(text))
    except ValueError as error:
        message = f"fromJSON({text!r}): {error}"
        raise ExpressionError(message) from error


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "contains": contains,
    "startsWith": starts_with,
    "endsWith": ends_with,
    "format": format_text,
    "join": join,
    "toJSON": to_json,
    "fromJSON": from_json,
}
