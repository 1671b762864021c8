"""Dagster's values to and from the text in which they travel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from dagster._core.definitions.asset_key import AssetCheckKey
from dagster._core.definitions.events import AssetKey
from dagster._serdes import deserialize_value, serialize_value

from dagstead.errors import DagsteadError, InvalidInputError

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
        InvalidInputError: if the text is not such a value.
    """
    # The open-source types declare only some classes as packable; the check is at run time.
    return build_value(kind.__name__, lambda: deserialize_value(text, kind))  # type: ignore[type-var]


def build_value(what: str, make: Callable[[], T]) -> T:
    """Call a constructor or a parser of Dagster's with what was sent.

    Raises:
        InvalidInputError: if it refuses the input, whichever exception it raises for that.
    """
    try:
        return make()
    except DagsteadError:
        raise
    except Exception as error:
        raise InvalidInputError(
            f"What was sent for {what} cannot be read by this server. "
            "If the caller is newer than the server, update the server."
        ) from error


def asset_key(text: str) -> AssetKey:
    """The asset key of a text in the database's form.

    Raises:
        InvalidInputError: if the text has another form.
    """
    key = build_value("an asset key", lambda: AssetKey.from_db_string(text))
    if key is None:
        raise InvalidInputError("The asset key is empty: send its path as a JSON list of texts.")
    return key


def asset_check_key(text: str) -> AssetCheckKey:
    """The check that a text ``asset/key:check`` means.

    The name of a check is an identifier, so a colon before the last one belongs to the asset key.

    Raises:
        InvalidInputError: if the text has another form.
    """
    asset, colon, name = text.rpartition(":")
    if not colon:
        raise InvalidInputError(f"{text!r} names no asset check: send asset/key:check.")
    return AssetCheckKey(AssetKey.from_user_string(asset), name)


def seconds(moment: datetime) -> float:
    """Seconds since 1970. A time from a database that stores no zone is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.timestamp()


def optional_seconds(moment: datetime | None) -> float | None:
    """The same; None stays None."""
    return None if moment is None else seconds(moment)
