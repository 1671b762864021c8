"""Tokens: the text is made here, handed to the caller, and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import InvalidInputError
from dagstead.plane.tokens import Grant, Token, TokenKind, new_secret

_NAME_MAX = 100

#: How tokens of managed pools are named; they are revoked by name.
POOL_PREFIX = "serverless pool on "


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedToken:
    """A token as it is stored, and its text, which is shown only this once."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Acts on tokens, and the list of them."""

    _backend: Backend

    def all(self, actor: Actor) -> list[Token]:
        """All tokens, revoked ones too, the oldest first.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Listing tokens")
        return self._backend.store.tokens.all()

    def issue(
        self, actor: Actor, name: str, kind: TokenKind, grant: Grant, organization: str
    ) -> IssuedToken:
        """Make a token for somebody.

        Args:
            actor: who makes it.
            name: who or what will hold it.
            kind: for whom it is.
            grant: what it may do, at most what the actor may.
            organization: a part of the token's text.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the name cannot be used.
            DeploymentNotFoundError: when a deployment of the grant does not exist.
        """
        actor.require_organization("Creating a token")
        actor.require_holding(grant)
        if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
            raise InvalidInputError(
                f"--name is {name[:40]!r}: use 1 to {_NAME_MAX} printable characters."
            )
        if name.startswith(POOL_PREFIX):
            raise InvalidInputError(
                f"--name may not begin with {POOL_PREFIX!r}: such tokens are revoked by the server."
            )
        for deployment in sorted(grant.deployments or ()):
            self._backend.store.deployments.get(deployment)
        return make_token(self._backend, name, kind, grant, organization)

    def revoke(self, actor: Actor, token_id: int) -> Token:
        """Make a token useless from now on.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when there is none of that id.
        """
        actor.require_organization("Revoking a token")
        return self._backend.store.tokens.revoke(token_id)


def make_token(
    backend: Backend, name: str, kind: TokenKind, grant: Grant, organization: str
) -> IssuedToken:
    """Make a token of whatever name; who may do so is checked by then."""
    secret = new_secret(kind, organization)
    return IssuedToken(token=backend.store.tokens.create(name, kind, secret, grant), secret=secret)
