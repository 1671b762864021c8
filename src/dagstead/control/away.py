"""Which failures mean that the store is away, also of Dagster's storage: trying again may help."""

from __future__ import annotations

from dagstead.errors import StoreAwayError
from dagstead.store import away


def away_of(error: BaseException) -> StoreAwayError | None:
    """The error to raise in place of a failure that means so; ``None`` for any other."""
    return away.away_of(error)


def raise_if_away(error: BaseException) -> None:
    """Raise that error, if there is one.

    Raises:
        StoreAwayError: for the server to answer, as on all paths.
    """
    away.raise_if_away(error)
