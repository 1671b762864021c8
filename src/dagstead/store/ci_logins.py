"""Logins of CI jobs in the database: whose the jobs are, and which tokens were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dagstead.errors import UnauthenticatedError
from dagstead.plane.ci_logins import JobIdentity, Pin, TokenUse
from dagstead.plane.clock import Clock
from dagstead.store.database import Database
from dagstead.store.tables import trust_pins, used_ci_tokens


@dataclass(frozen=True, slots=True)
class CiLoginStore:
    """Stores what is known of CI jobs that have logged in."""

    database: Database
    clock: Clock

    def accept(self, job: JobIdentity, use: TokenUse) -> None:
        """Use a token up, and pin the numbers of its repository that are not pinned yet.

        Of several attempts with one token, on all servers of a control plane, one succeeds.

        Raises:
            UnauthenticatedError: when the token was used before.
            ForbiddenError: when other numbers are pinned; the token is not used up then.
        """
        with self.database.write() as connection:
            now = self.clock()
            connection.execute(delete(used_ci_tokens).where(used_ci_tokens.c.expires_at < now))
            used = connection.execute(
                self._dialect.insert(used_ci_tokens)
                .values(key=use.key, expires_at=use.expires_at)
                .on_conflict_do_nothing()
                .returning(used_ci_tokens.c.key)
            ).one_or_none()
            if used is None:
                raise UnauthenticatedError(
                    "This token of the job was exchanged before, and each is exchanged once. Ask "
                    "for another one right before it is used; a job of GitLab gets several when "
                    "`id_tokens` names several: say which one with --token-variable."
                )
            self._pin_new(connection, job.pins)
            pinned = connection.execute(
                select(trust_pins.c.path, trust_pins.c.number)
                .where(trust_pins.c.issuer == job.issuer)
                .where(trust_pins.c.path.in_(job.paths))
            ).all()
            job.require({row.path: row.number for row in pinned})

    def pin(self, pins: Sequence[Pin]) -> None:
        """Pin numbers, in the place of those that are pinned."""
        with self.database.write() as connection:
            for pin in pins:
                connection.execute(
                    delete(trust_pins)
                    .where(trust_pins.c.issuer == pin.issuer)
                    .where(trust_pins.c.path == pin.path)
                )
            self._pin_new(connection, pins)

    def pins(self) -> list[Pin]:
        """All that are pinned, by issuer and path."""
        ordered = select(trust_pins).order_by(trust_pins.c.issuer, trust_pins.c.path)
        with self.database.read() as connection:
            rows = connection.execute(ordered).all()
        return [Pin(issuer=row.issuer, path=row.path, number=row.number) for row in rows]

    def _pin_new(self, connection: Connection, pins: Sequence[Pin]) -> None:
        for pin in pins:
            connection.execute(
                self._dialect.insert(trust_pins)
                .values(issuer=pin.issuer, path=pin.path, number=pin.number, pinned_at=self.clock())
                .on_conflict_do_nothing()
            )

    @property
    def _dialect(self) -> Any:
        return sqlite if self.database.is_sqlite else postgresql
