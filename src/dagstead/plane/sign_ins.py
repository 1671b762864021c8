"""How people sign in with a browser: sessions, and links that work once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

#: How long a sign-in link may be used.
LINK_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NewSession:
    """A session that has just begun."""

    #: For the cookie of one browser. Only its hash is stored.
    secret: str = field(repr=False)
    #: In seconds since 1970.
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLink:
    """A sign-in link that nobody has used yet."""

    #: Its secret part. Only its hash is stored.
    code: str = field(repr=False)
    #: In seconds since 1970.
    expires_at: float

    def address(self, url: str) -> str:
        """The link, on a control plane.

        What stands after ``#`` never leaves the browser, so that it reaches no log on the way.
        """
        return f"{url}/sign-in#link={self.code}"


class LinkUse(StrEnum):
    """What comes of an attempt to use a link."""

    ACCEPTED = "accepted"
    USED = "used"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


def new_code() -> str:
    """The secret of a new session, or of a new link: 256 random bits."""
    return secrets.token_urlsafe(32)
