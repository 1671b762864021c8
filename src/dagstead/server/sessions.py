"""Sign-in cookies: the id of a token and an expiry, signed; never the token itself."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from dagstead.errors import UnauthenticatedError
from dagstead.plane.clock import Clock
from dagstead.plane.tokens import Token

COOKIE = "dagstead_session"

_DAY_SECONDS = 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Make and read the value of the cookie."""

    signing_key: bytes
    clock: Clock
    days: int

    @property
    def max_age_seconds(self) -> int:
        """How long a browser keeps the cookie."""
        return self.days * _DAY_SECONDS

    def issue(self, token: Token) -> str:
        """A cookie value for the holder of a token."""
        fields = f"{token.id}.{int(self.clock()) + self.max_age_seconds}"
        return f"{fields}.{self._mac(fields)}"

    def token_id(self, value: str) -> int:
        """The token that a cookie stands for.

        Raises:
            UnauthenticatedError: when the value was altered or is too old.
        """
        fields, _, mac = value.rpartition(".")
        # Compared as bytes: compare_digest refuses text that is not ASCII.
        if not hmac.compare_digest(mac.encode(), self._mac(fields).encode()):
            msg = "This server did not issue the sign-in cookie. Sign in again at /sign-in."
            raise UnauthenticatedError(msg)
        token_id, _, expires = fields.partition(".")
        if int(expires) < self.clock():
            msg = "The sign-in has expired. Sign in again at /sign-in."
            raise UnauthenticatedError(msg)
        return int(token_id)

    def _mac(self, fields: str) -> str:
        # The prefix keeps these apart from signed addresses, which are made with the same key.
        text = f"session\n{fields}".encode()
        return hmac.new(self.signing_key, text, hashlib.sha256).hexdigest()
