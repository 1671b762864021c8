"""How people sign in: sessions of browsers, and links that work once."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.backend import Backend
from dagstead.control.tokens import Tokens, check_token_name
from dagstead.errors import ForbiddenError, NotFoundError
from dagstead.plane.sign_ins import LINK_SECONDS, LinkUse, NewLink, NewSession, new_code
from dagstead.plane.tokens import PERSON_SECONDS, Grant, IssuedToken, Token, TokenKind

logger = logging.getLogger(__name__)

_ANOTHER = (
    "On the machine of the control plane, `dagstead token link` makes another one; there or with "
    "a token, so does `dagstead token link --url …`."
)
_WHY_NOT = {
    LinkUse.USED: f"This link was used already, and works only once. {_ANOTHER}",
    LinkUse.EXPIRED: f"This link has expired: it worked for an hour. {_ANOTHER}",
    LinkUse.UNKNOWN: f"This link is unknown here, or was not copied as a whole. {_ANOTHER}",
}


@dataclass(frozen=True, slots=True)
class SignIns:
    """Acts on sign-ins, and the links that the control plane hands out."""

    _backend: Backend

    def new_link(self, actor: Actor) -> NewLink:
        """Make a link: whoever opens it first, within an hour, gets an unlimited user token.

        The token lives for 90 days.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Making a sign-in link")
        actor.require_holding(_of_link(self._backend.now()))
        link = NewLink(code=new_code(), expires_at=self._backend.now() + LINK_SECONDS)
        self._backend.store.sign_in_links.add(link.code, link.expires_at)
        return link

    def end_all(self, actor: Actor, token_id: int) -> int:
        """Sign out every browser that signed in with a token; returns how many there were.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when there is no such token.
        """
        actor.require_organization("Signing others out")
        if all(token.id != token_id for token in self._backend.store.tokens.all()):
            raise NotFoundError(f"There is no token {token_id}. See `dagstead token list`.")
        ended = self._backend.store.sessions.end_of(token_id)
        self._backend.bell.ring(bell.sign_ins())
        return ended


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions by their secrets. It needs no actor: the secret is what makes one."""

    _backend: Backend

    def begin(
        self,
        token: Token,
        seconds: float,
        address: str | None = None,  # noqa: ARG002 - recorded
    ) -> NewSession:
        """Sign a browser in.

        Args:
            token: of the person.
            seconds: how long it lasts, at most; it ends with the token.
            address: of the browser.
        """
        ends = self._backend.now() + seconds
        if token.expires_at is not None:
            ends = min(ends, token.expires_at)
        session = NewSession(secret=new_code(), expires_at=ends)
        self._backend.store.sessions.begin(token.id, session.secret, session.expires_at)
        return session

    def holder(self, secret: str, address: str | None = None) -> Token:
        """The token with which a session began.

        Args:
            secret: of the session.
            address: whoever calls, if that is known.

        Raises:
            UnauthenticatedError: when the session is over, or the token revoked or expired.
        """
        return self._backend.store.sessions.holder(secret, address)

    def end(self, secret: str, address: str | None = None) -> None:  # noqa: ARG002 - recorded
        """Sign a browser out, and close what it has open.

        Args:
            secret: of the session.
            address: of the browser.
        """
        self._backend.store.sessions.end(secret)
        self._backend.bell.ring(bell.sign_ins())

    def use_link(
        self,
        code: str,
        name: str,
        organization: str,
        address: str | None = None,  # noqa: ARG002 - recorded
    ) -> IssuedToken:
        """Make the user token of a sign-in link.

        Args:
            code: the secret part of the link.
            name: of the person.
            organization: a part of the token.
            address: of the browser.

        Raises:
            InvalidInputError: when the name cannot be used; the link still works then.
            ForbiddenError: when the link does not work, or no longer.
        """
        check_token_name(name)
        use = self._backend.store.sign_in_links.use(code)
        if use is not LinkUse.ACCEPTED:
            raise ForbiddenError(_WHY_NOT[use])
        tokens = Tokens(self._backend)
        grant = _of_link(self._backend.now())
        issued = tokens.issue(SYSTEM, name, TokenKind.USER, grant, organization)
        logger.info("A sign-in link gave token %d to %r", issued.token.id, issued.token.name)
        return issued


def _of_link(now: float) -> Grant:
    """What the token of a link grants: everything, for as long as a person's token lives."""
    return Grant(expires_at=now + PERSON_SECONDS)
