"""Sessions of browsers and sign-in links in the database, which has only their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from dagstead.errors import UnauthenticatedError
from dagstead.plane.clock import Clock
from dagstead.plane.sign_ins import LinkUse
from dagstead.plane.tokens import Token, hash_secret
from dagstead.store.database import Database
from dagstead.store.tables import sessions, sign_in_links, tokens
from dagstead.store.tokens import TokenStore

#: A token has at most this many sessions: its oldest one ends when another begins.
SESSIONS_OF_A_TOKEN = 50
#: Until then, the page can say why a link no longer works.
_LINKS_KEPT_SECONDS = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class SessionStore:
    """Stores which browsers are signed in."""

    database: Database
    clock: Clock
    tokens: TokenStore

    def begin(self, token_id: int, secret: str, expires_at: float) -> None:
        """Store a session, and remove those that are over."""
        own = sessions.c.token_id == token_id
        newest = select(sessions.c.id).where(own).order_by(sessions.c.id.desc())
        with self.database.write() as connection:
            connection.execute(
                insert(sessions).values(
                    hash=hash_secret(secret),
                    token_id=token_id,
                    created_at=self.clock(),
                    expires_at=expires_at,
                )
            )
            connection.execute(delete(sessions).where(sessions.c.expires_at <= self.clock()))
            kept = newest.limit(SESSIONS_OF_A_TOKEN)
            connection.execute(delete(sessions).where(own).where(sessions.c.id.not_in(kept)))

    def holder(self, secret: str, address: str | None = None) -> Token:
        """The token with which a session began.

        Args:
            secret: of the session.
            address: whoever calls, if that is known.

        Raises:
            UnauthenticatedError: when the session is over, or the token gone, revoked or expired.
        """
        found = (
            select(tokens, sessions.c.expires_at.label("session_expires_at"))
            .join(sessions, sessions.c.token_id == tokens.c.id)
            .where(sessions.c.hash == hash_secret(secret))
        )
        with self.database.read() as connection:
            row = connection.execute(found).one_or_none()
        if row is None:
            msg = "This browser is not signed in, or no longer. Sign in at /sign-in."
            raise UnauthenticatedError(msg)
        if row.session_expires_at <= self.clock():
            msg = "The sign-in has expired. Sign in again at /sign-in."
            raise UnauthenticatedError(msg)
        return self.tokens.valid(row, address)

    def end(self, secret: str) -> None:
        """End a session, if it has not ended."""
        with self.database.write() as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == hash_secret(secret)))

    def end_of(self, token_id: int) -> int:
        """End all sessions of a token; returns how many there were."""
        with self.database.write() as connection:
            live = sessions.c.expires_at > self.clock()
            of_token = delete(sessions).where(sessions.c.token_id == token_id)
            ended = connection.execute(of_token.where(live)).rowcount
            connection.execute(of_token)
        return ended


@dataclass(frozen=True, slots=True)
class SignInLinkStore:
    """Stores sign-in links."""

    database: Database
    clock: Clock

    def add(self, code: str, expires_at: float) -> None:
        """Store a link, and remove those of which nobody asks any more."""
        now = self.clock()
        with self.database.write() as connection:
            connection.execute(
                insert(sign_in_links).values(
                    hash=hash_secret(code), created_at=now, expires_at=expires_at
                )
            )
            connection.execute(
                delete(sign_in_links).where(sign_in_links.c.expires_at < now - _LINKS_KEPT_SECONDS)
            )

    def use(self, code: str) -> LinkUse:
        """Use a link up. Of several attempts at the same time, one is accepted."""
        now = self.clock()
        named = sign_in_links.c.hash == hash_secret(code)
        with self.database.write() as connection:
            used = connection.execute(
                update(sign_in_links)
                .where(named)
                .where(sign_in_links.c.used_at.is_(None))
                .where(sign_in_links.c.expires_at > now)
                .values(used_at=now)
            ).rowcount
            if used:
                return LinkUse.ACCEPTED
            row = connection.execute(select(sign_in_links).where(named)).one_or_none()
        return _why_not(row)


def _why_not(row: Row[Any] | None) -> LinkUse:
    if row is None:
        return LinkUse.UNKNOWN
    return LinkUse.EXPIRED if row.used_at is None else LinkUse.USED
