"""Who calls. There is no actor yet: a secret is what makes one."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.backend import Backend
from dagstead.plane.tokens import Token


@dataclass(frozen=True, slots=True)
class Identity:
    """Finds the token that a caller holds."""

    _backend: Backend

    def of_secret(self, secret: str) -> Token:
        """The token of a secret.

        Raises:
            UnauthenticatedError: when it is unknown, revoked or expired.
        """
        return self._backend.store.tokens.authenticate(secret)

    def of_signed_id(self, token_id: int) -> Token:
        """The token of an id that a signed cookie named.

        Raises:
            UnauthenticatedError: when it is gone, revoked or expired.
        """
        return self._backend.store.tokens.get(token_id)

    def signing_key(self) -> bytes:
        """The key of signed addresses and sign-in cookies."""
        return self._backend.store.properties.signing_key()
