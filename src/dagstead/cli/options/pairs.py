"""Options of the form ``NAME=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.errors import InvalidInputError


def pairs(
    flag: str, given: Sequence[str] | None, *, form: str, may_be_empty: bool = False
) -> list[tuple[str, str]]:
    """The names and values of an option that may be repeated, in their order.

    Args:
        flag: the option, for the error.
        given: the values that were typed.
        form: the form that they must have, for the error.
        may_be_empty: whether the part after ``=`` may be empty.

    Raises:
        InvalidInputError: when one does not have the form.
    """
    found = []
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and (value or may_be_empty)):
            msg = f"{flag} {text!r} is not of the form {form}."
            raise InvalidInputError(msg)
        found.append((name, value))
    return found
