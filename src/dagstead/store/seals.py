"""Sealed texts: a client carries them, and nobody but this control plane can make or change one.

They are JSON Web Tokens (RFC 7519) with the key that signs addresses of files, so that they may
stand where a password or a part of an address stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from dagstead.errors import SignatureError
from dagstead.plane.clock import Clock

_ALGORITHM = "HS256"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seals:
    """Makes and opens sealed texts."""

    clock: Clock
    #: Is asked at the first one: many processes never seal anything.
    key: Callable[[], bytes]

    def seal(self, purpose: str, claims: Mapping[str, Any], seconds: int) -> str:
        """A text that holds these claims.

        Args:
            purpose: for which it is good, and no other.
            claims: everybody can read them.
            seconds: for which it is good.
        """
        sealed = {**claims, "aud": purpose, "exp": int(self.clock()) + seconds}
        return jwt.encode({"alg": _ALGORITHM}, sealed, OctKey.import_key(self.key()))

    def open(self, purpose: str, text: str) -> Mapping[str, Any]:
        """What a sealed text holds.

        Raises:
            SignatureError: when it was altered, is for something else, or has expired.
        """
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self.clock()),
            leeway=0,
            aud={"essential": True, "value": purpose},
            exp={"essential": True},
        )
        try:
            token = jwt.decode(text, OctKey.import_key(self.key()), algorithms=[_ALGORITHM])
            registry.validate(token.claims)
        except (JoseError, ValueError) as error:
            msg = "This was altered, or has expired. Ask the server for a new one."
            raise SignatureError(msg) from error
        return token.claims
