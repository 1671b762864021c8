"""Options whose value is a name, ``=`` and what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.errors import InvalidInputError


def pairs(
    flag: str, given: Sequence[str] | None, *, form: str, may_be_empty: bool = False
) -> list[tuple[str, str]]:
    """The names and values of an option that may be repeated, in their order.

    Args:
        flag: the option, for the error.
        given: what was typed.
        form: what has to be typed, for the error.
        may_be_empty: whether a value may be.

    Raises:
        InvalidInputError: when one is not of the form.
    """
    found = []
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and (value or may_be_empty)):
            msg = f"{flag} {text!r} is not of the form {form}."
            raise InvalidInputError(msg)
        found.append((name, value))
    return found
