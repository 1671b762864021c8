"""Rotation: a token gets a new secret, and stays the token that it was.

Its id stays, and with it the agents that have it, the work they have taken, and what was uploaded
with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dagstead.errors import ConflictError, InvalidInputError
from dagstead.plane.lifetimes import Lifetime
from dagstead.plane.tokens import Token

#: How long the former secret is accepted beside the new one, unless somebody says otherwise.
DEFAULT_OVERLAP = "1d"
_MOST_OVERLAP_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """How a token is to be rotated."""

    #: How long the former secret is still accepted.
    overlap_seconds: float
    #: Of the new secret; ``None`` is as long as the one before was to live.
    lifetime: Lifetime | None = None

    def rotated(self, token: Token, now: float) -> Token:
        """The token with its new end.

        Raises:
            InvalidInputError: for an overlap that is too long, and an end that has passed.
            ConflictError: for a token that nobody rotates.
        """
        if not 0 <= self.overlap_seconds <= _MOST_OVERLAP_DAYS * 86400:
            raise InvalidInputError(
                f"The former secret is accepted for at most {_MOST_OVERLAP_DAYS} days."
            )
        if token.revoked_at is not None:
            raise ConflictError(
                f"Token {token.id} {token.name!r} was revoked, and stays so. Create a new one with "
                "`dagstead token create`."
            )
        if token.repository is not None:
            raise ConflictError(
                f"Token {token.id} {token.name!r} is of a CI job, which gets a new one with "
                "`dagstead login`."
            )
        ends = self._ends_at(token, now)
        if ends is not None and ends <= now:
            raise InvalidInputError(
                "The token would have expired already. Choose a time in the future."
            )
        return replace(token, expires_at=ends, rotated_at=now)

    def former_ends_at(self, token: Token, now: float) -> float:
        """When the secret that the token has is no longer accepted: never later than it is now."""
        ends = now + self.overlap_seconds
        return ends if token.expires_at is None else min(ends, token.expires_at)

    def _ends_at(self, token: Token, now: float) -> float | None:
        if self.lifetime is not None:
            return self.lifetime.ends_at(now)
        return None if token.expires_at is None else now + (token.lifetime_seconds or 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class RotatedToken:
    """A token with its new secret, which is shown only this once."""

    token: Token
    secret: str = field(repr=False)
    #: Until then, the former secret is accepted, too.
    former_ends_at: float
