"""Errors of code that cannot be loaded, in one line."""

from __future__ import annotations

from dagster_shared.error import SerializableErrorInfo


def cause_of(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    """The innermost error: the others only state that loading failed."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def one_line(error: SerializableErrorInfo) -> str:
    """The message of the innermost error."""
    cause = cause_of(error) or error
    return " ".join(cause.message.split())
