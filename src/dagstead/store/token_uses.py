"""When tokens were last used, and from where, in the database."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.exc import SQLAlchemyError

from dagstead.errors import StoreAwayError
from dagstead.plane.clock import Clock
from dagstead.store.database import Database
from dagstead.store.tables import tokens

logger = logging.getLogger(__name__)

#: It is only for people, and writing it on every call would double the load.
_RESOLUTION_SECONDS = 60.0
#: The newest addresses are kept. A new one is noted sooner, but no more often than this: the pods
#: of an agent's runs share its token, and each has another address.
_ADDRESSES_KEPT = 5
_NEW_ADDRESS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TokenUses:
    """Notes the use of tokens, every minute or when it comes from a new address."""

    database: Database
    clock: Clock
    #: When this process last wrote, by the token's id.
    _noted: dict[int, float] = field(default_factory=dict)

    def is_due(self, row: Row[Any], address: str | None) -> bool:
        """Whether the use of a token should be noted."""
        return bool(self._values(row, address, self.clock()))

    def note(self, row: Row[Any], address: str | None) -> None:
        """Record the use of a token, if that is possible now: no caller depends on it."""
        now = self.clock()
        values = self._values(row, address, now)
        if not values:
            return
        self._noted[row.id] = now
        try:
            with self.database.write(waits=False) as connection:
                connection.execute(update(tokens).where(tokens.c.id == row.id).values(**values))
        except (StoreAwayError, SQLAlchemyError) as error:
            # Debug, as it happens on every call while the disk is full.
            logger.debug("Could not note the use of token %s (%s)", row.id, type(error).__name__)

    def _values(self, row: Row[Any], address: str | None, now: float) -> dict[str, Any]:
        is_due = row.last_used_at is None or now - row.last_used_at >= _RESOLUTION_SECONDS
        if address is None:
            return {"last_used_at": now} if is_due else {}
        seen = row.used_from or []
        others = [each for each in seen if each[0] != address]
        is_new = len(others) == len(seen)
        if not is_due and not (is_new and self._may_note(row.id, now)):
            return {}
        return {"last_used_at": now, "used_from": [[address, now], *others][:_ADDRESSES_KEPT]}

    def _may_note(self, token_id: int, now: float) -> bool:
        return now - self._noted.get(token_id, 0.0) >= _NEW_ADDRESS_SECONDS
