"""Errors of code that cannot be loaded, in one line."""

from __future__ import annotations

from dagster_cloud.api.dagster_cloud_api import TimestampedError
from dagster_shared.check import CheckError
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import deserialize_value
from dagster_shared.serdes.errors import DeserializationError


def cause_of(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    """The innermost error: the others only state that loading failed."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def agent_error(text: str) -> str:
    """The message of an error in a heartbeat; all of an error that this version cannot read."""
    try:
        return deserialize_value(text, TimestampedError).error.message.strip()
    except (DeserializationError, CheckError, ValueError):
        return text


def lines_of(error: SerializableErrorInfo) -> list[str]:
    """The messages of an error and of what caused it, in a line each, the innermost first."""
    found: list[str] = []
    inner: SerializableErrorInfo | None = error
    while inner is not None:
        found.append(" ".join(inner.message.split()))
        inner = inner.cause
    return found[::-1]


def one_line(error: SerializableErrorInfo) -> str:
    """The message of the innermost error."""
    cause = cause_of(error) or error
    return " ".join(cause.message.split())
