"""New secrets of tokens, and their former ones, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from dagstead.errors import NotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.rotations import Rotation
from dagstead.plane.tokens import Token, hash_secret
from dagstead.store.database import Database
from dagstead.store.tables import former_secrets, sessions, tokens
from dagstead.store.tokens import no_such, token_of

#: Until then, whoever calls with it reads that it was rotated.
_FORMER_KEPT_SECONDS = 90 * 86400.0


@dataclass(frozen=True, slots=True)
class RotationStore:
    """Stores that tokens were rotated."""

    database: Database
    clock: Clock

    def rotate(self, token_id: int, secret: str, rotation: Rotation) -> tuple[Token, float]:
        """Give a token a new secret, in one transaction.

        Returns:
            The token, and when its former secret ends.

        Raises:
            NotFoundError: when there is no token of that id.
            ConflictError, InvalidInputError: as :meth:`Rotation.rotated`.
        """
        now = self.clock()
        with self.database.write() as connection:
            row = connection.execute(
                select(tokens).where(tokens.c.id == token_id).with_for_update()
            ).one_or_none()
            if row is None:
                raise NotFoundError(no_such(token_id))
            before = token_of(row)
            after, ends = rotation.rotated(before, now), rotation.former_ends_at(before, now)
            _end_former(connection, token_id, ends)
            connection.execute(
                delete(former_secrets).where(
                    former_secrets.c.expires_at < now - _FORMER_KEPT_SECONDS
                )
            )
            connection.execute(
                insert(former_secrets).values(hash=row.hash, token_id=token_id, expires_at=ends)
            )
            connection.execute(
                update(tokens)
                .where(tokens.c.id == token_id)
                .values(
                    hash=hash_secret(secret),
                    expires_at=after.expires_at,
                    rotated_at=after.rotated_at,
                )
            )
        return after, ends


def _end_former(connection: Connection, token_id: int, ends: float) -> None:
    """Have nothing that began with a former secret live longer than the one that is rotated now."""
    for table in (former_secrets, sessions):
        connection.execute(
            update(table)
            .where(table.c.token_id == token_id, table.c.expires_at > ends)
            .values(expires_at=ends)
        )
