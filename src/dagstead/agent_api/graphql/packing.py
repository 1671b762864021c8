"""Dagster's values as the texts in which they travel."""

from __future__ import annotations

from typing import Any, TypeVar

from dagster._serdes import deserialize_value, serialize_value

from dagstead.errors import InvalidInputError

T = TypeVar("T")


def pack(value: Any) -> str:
    """The text of a value of Dagster's."""
    return serialize_value(value)


def pack_optional(value: Any) -> str | None:
    """The text of a value; None stays None."""
    return None if value is None else pack(value)


def unpack(text: str, kind: type[T]) -> T:
    """The value of the given class that the text holds.

    Raises:
        InvalidInputError: if the text is no such value.
    """
    try:
        # The open-source types declare only some classes as packable; the check is at run time.
        return deserialize_value(text, kind)  # type: ignore[type-var]
    except Exception as error:
        # A text of the wrong shape fails inside the constructors of its classes, with whatever
        # they raise.
        raise InvalidInputError(
            f"What was sent for a {kind.__name__} is not one that this server can read. "
            "If the caller is newer than the server, update the server."
        ) from error
