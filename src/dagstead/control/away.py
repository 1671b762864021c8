"""Which failures mean that the store is away, so that trying again may help.

For rooms that may not import the store, and meet failures of Dagster's storage.
"""

from __future__ import annotations

from dagstead.errors import StoreAwayError
from dagstead.store import away


def away_of(error: BaseException) -> StoreAwayError | None:
    """The error to raise instead, if a failure means that the store is away; else ``None``."""
    return away.away_of(error)


def raise_if_away(error: BaseException) -> None:
    """Raise a failure that means that the store is away in its own form; ignore all others.

    Raises:
        StoreAwayError: when ``error`` means that the store is away.
        InvalidInputError: when it means that a text is too long for its column.
    """
    away.raise_if_away(error)
