"""Tokens: the text is made here, handed to the caller, and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.errors import InvalidInputError, NotFoundError
from dagstead.plane.deployments import Deployment
from dagstead.plane.reach import NOTHING, Reach, Scope
from dagstead.plane.tokens import Grant, IssuedToken, Token, TokenKind, new_secret

_NAME_MAX = 100

#: How tokens of managed pools are named; they are revoked by name.
POOL_PREFIX = "serverless pool on "


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
                f"A token cannot be named {name[:40]!r}: use 1 to {_NAME_MAX} printable characters."
            )
        if name.startswith(POOL_PREFIX):
            raise InvalidInputError(
                f"A token's name may not begin with {POOL_PREFIX!r}: such tokens are revoked by "
                "the server."
            )
        if grant.expires_at is not None and grant.expires_at <= self._backend.now():
            raise InvalidInputError(
                "The token would have expired already. Name a time that is still to come."
            )
        for deployment in sorted(grant.deployments or ()):
            self._backend.store.deployments.get(deployment)
        return make_token(self._backend, name, kind, grant, organization)

    def revoke(self, actor: Actor, token_id: int, kind: TokenKind | None = None) -> Token:
        """Make a token useless from now on.

        Args:
            actor: who revokes it.
            token_id: of the token.
            kind: that it has to be of; any if left out.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when there is none of that id and kind.
        """
        actor.require_organization("Revoking a token")
        return self._backend.store.tokens.revoke(token_id, kind)

    def agent(self, actor: Actor, token_id: int) -> Token:
        """One agent token, also one that was revoked.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when there is no agent token of that id.
        """
        actor.require_organization("Looking at a token")
        for token in self._backend.store.tokens.all():
            if token.id == token_id and token.kind is TokenKind.AGENT:
                return token
        raise NotFoundError(f"There is no agent token {token_id}. See `dagstead token list --all`.")

    def add_scope(
        self, actor: Actor, token_id: int, scope: Scope, deployment: Deployment | None = None
    ) -> Token:
        """Let an agent token grant more deployments; nothing changes when it does already.

        Args:
            actor: who grants it, at most what that one holds.
            token_id: of the token.
            scope: of the grant.
            deployment: that ``DEPLOYMENT`` is for, a full one.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the deployment is missing, or is a branch deployment.
            NotFoundError: when there is no agent token of that id.
        """
        actor.require_organization("Changing what a token grants")
        name = _checked(scope, deployment)
        actor.require_holding(_grant_of(NOTHING.with_scope(scope, name)))
        return self._backend.store.tokens.change_reach(
            token_id, lambda reach: reach.with_scope(scope, name)
        )

    def remove_scope(
        self, actor: Actor, token_id: int, scope: Scope, deployment: Deployment | None = None
    ) -> Token:
        """Let an agent token grant fewer deployments; without any, its agents get no work.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the deployment is missing, or is a branch deployment.
            NotFoundError: when there is no agent token of that id.
        """
        actor.require_organization("Changing what a token grants")
        name = _checked(scope, deployment)
        return self._backend.store.tokens.change_reach(
            token_id, lambda reach: reach.without_scope(scope, name)
        )


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Finds the token that a caller holds. It needs no actor: the token is what makes one."""

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


def _checked(scope: Scope, deployment: Deployment | None) -> str | None:
    """The name of the deployment that a grant is for."""
    if scope is not Scope.DEPLOYMENT:
        return None
    if deployment is None:
        raise InvalidInputError("Which deployment? A grant of scope DEPLOYMENT names its id.")
    if deployment.is_branch:
        raise InvalidInputError(
            f"{deployment.name!r} is a branch deployment. Grant ALL_BRANCH_DEPLOYMENTS instead."
        )
    return deployment.name


def _grant_of(reach: Reach) -> Grant:
    return Grant(
        deployments=None if reach.organization else reach.deployments,
        branch_deployments=reach.branch_deployments,
    )


def make_token(
    backend: Backend, name: str, kind: TokenKind, grant: Grant, organization: str
) -> IssuedToken:
    """Make a token of whatever name; who may do so is checked by then."""
    secret = new_secret(kind, organization)
    return IssuedToken(token=backend.store.tokens.create(name, kind, secret, grant), secret=secret)
