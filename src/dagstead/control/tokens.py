"""Tokens: their secrets are made here and given to the caller, and never stored."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.deployments import find_deployment
from dagstead.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SignatureError,
    UnauthenticatedError,
)
from dagstead.plane.deployments import Deployment
from dagstead.plane.names import check_location_name
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.reach import NOTHING, Reach, Scope
from dagstead.plane.registry import PASSWORD
from dagstead.plane.roles import check_roles
from dagstead.plane.rotations import RotatedToken, Rotation
from dagstead.plane.token_texts import is_damaged
from dagstead.plane.tokens import Grant, IssuedToken, Token, TokenKind, is_of_worker, new_secret

_NAME_MAX = 100

#: The names of managed pools' tokens begin with this; these tokens are revoked by name.
POOL_PREFIX = "managed pool on "


@dataclass(frozen=True, slots=True)
class Tokens:
    """Acts on tokens, and the list of them."""

    _backend: Backend

    def all(self, actor: Actor) -> list[Token]:
        """All tokens, including revoked ones, oldest first.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Listing tokens")
        return self._backend.store.tokens.all()

    def issue(
        self, actor: Actor, name: str, kind: TokenKind, grant: Grant, organization: str
    ) -> IssuedToken:
        """Make a token.

        Args:
            actor: makes it.
            name: of its future holder.
            kind: of its holder.
            grant: what it may do, at most what the actor may.
            organization: a part of the secret.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the name cannot be used.
            DeploymentNotFoundError: when a deployment of the grant does not exist.
        """
        actor.require_organization("Creating a token")
        actor.require_holding(grant)
        check_token_name(name)
        if kind is TokenKind.WORKER:
            raise InvalidInputError("The tokens of workers are made when their processes start.")
        if grant.expires_at is not None and grant.expires_at <= self._backend.now():
            raise InvalidInputError(
                "The token would have expired already. Choose a time in the future."
            )
        for deployment in sorted(grant.deployments or ()):
            find_deployment(self._backend, actor, deployment)
        check_roles_of(self._backend, actor, grant)
        return make_token(self._backend, name, kind, grant, organization)

    def revoke(self, actor: Actor, token_id: int, kind: TokenKind | None = None) -> Token:
        """Revoke a token.

        Args:
            actor: revokes it.
            token_id: of the token.
            kind: the kind that it must have; any if left out.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when no token has that id and kind.
        """
        actor.require_organization("Revoking a token")
        store = self._backend.store
        revoked = store.tokens.revoke(token_id, kind)
        if revoked.kind is TokenKind.POOL and not self._has_valid_pool(revoked.name):
            store.workers.end_of_pool(ORGANIZATION, revoked.name)
        self._backend.bell.ring(bell.sign_ins())
        return revoked

    def rotate(
        self, actor: Actor, token_id: int, rotation: Rotation, organization: str
    ) -> RotatedToken:
        """Give a token a new secret; the former one is accepted until the end of the overlap.

        Args:
            actor: rotates it, and holds at least what it grants: the new secret is shown to it.
            token_id: of the token.
            rotation: how.
            organization: a part of the secret.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when no token has that id.
            ConflictError: for a token that is revoked, of a CI job or of the server's own pool.
            InvalidInputError: when the overlap is too long, or the end has passed.
        """
        actor.require_organization("Rotating a token")
        store = self._backend.store
        before = next((each for each in store.tokens.all() if each.id == token_id), None)
        if before is None:
            raise NotFoundError(f"There is no token {token_id}. See `dagstead token list`.")
        if before.name.startswith(POOL_PREFIX):
            raise ConflictError(
                f"Token {token_id} {before.name!r} is of the server's own pool, which gets a new "
                "one whenever it starts."
            )
        actor.require_holding(rotation.rotated(before, self._backend.now()).grant)
        secret = new_secret(before.kind, organization)
        after, ends = store.rotations.rotate(token_id, secret, rotation)
        self._backend.bell.ring(bell.sign_ins())
        return RotatedToken(token=after, secret=secret, former_ends_at=ends)

    def _has_valid_pool(self, name: str) -> bool:
        now = self._backend.now()
        return any(
            token.kind is TokenKind.POOL and token.name == name and token.is_valid_at(now)
            for token in self._backend.store.tokens.all()
        )

    def agent(self, actor: Actor, token_id: int) -> Token:
        """One agent token, which may be revoked.

        Raises:
            ForbiddenError: for a limited actor.
            NotFoundError: when no agent token has that id.
        """
        actor.require_organization("Looking at a token")
        for token in self._backend.store.tokens.all():
            if token.id == token_id and token.kind is TokenKind.AGENT:
                return token
        raise NotFoundError(f"There is no agent token {token_id}. See `dagstead token list --all`.")

    def add_scope(
        self, actor: Actor, token_id: int, scope: Scope, deployment: Deployment | None = None
    ) -> Token:
        """Let an agent token grant more deployments; nothing changes if it grants them already.

        Args:
            actor: grants it, at most what it holds itself.
            token_id: of the token.
            scope: of the grant.
            deployment: the full deployment of a ``DEPLOYMENT`` grant.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the deployment is missing, or is a branch deployment.
            NotFoundError: when no agent token has that id.
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
        """Let an agent token grant fewer deployments; without any left, its agents get no work.

        Raises:
            ForbiddenError: for a limited actor.
            InvalidInputError: when the deployment is missing, or is a branch deployment.
            NotFoundError: when no agent token has that id.
        """
        actor.require_organization("Changing what a token grants")
        name = _checked(scope, deployment)
        return self._backend.store.tokens.change_reach(
            token_id, lambda reach: reach.without_scope(scope, name)
        )


@dataclass(frozen=True, slots=True)
class TokenReader:
    """Finds the token that a caller holds. It needs no actor: the token is what makes one."""

    _backend: Backend

    def of_secret(self, secret: str, address: str | None = None) -> Token:
        """The token of a secret.

        Args:
            secret: that somebody sends.
            address: whoever sends it, if that is known.

        Raises:
            UnauthenticatedError: when it is not whole, unknown, revoked or expired.
        """
        if is_damaged(secret):
            raise UnauthenticatedError(
                "This token is not whole: its last characters do not fit the others. Copy it once "
                "more, or create one with `dagstead token create`."
            )
        if is_of_worker(secret):
            return self._backend.store.workers.authenticate(ORGANIZATION, secret)
        return self._backend.store.tokens.authenticate(secret, address)

    def of_password(self, password: str, address: str | None = None) -> Token:
        """The token of what a registry's client sends: a token, or a password made for it.

        Args:
            password: that somebody sends.
            address: whoever sends it, if that is known.

        Raises:
            UnauthenticatedError: when it is none, or the token is no longer valid.
        """
        if ":" in password:
            return self.of_secret(password, address)
        try:
            claims = self._backend.store.seals.open(PASSWORD, password)
            return self._backend.store.tokens.get(int(claims["sub"]))
        except (SignatureError, KeyError, ValueError) as error:
            raise UnauthenticatedError(
                "This is neither a token nor a password of this registry, or it has expired. Log "
                "in again: `docker login`, with a token as the password."
            ) from error

    def known(self, secret: str, sender: str | None = None) -> Token | None:
        """The token of a secret, if it is known without waiting for the database.

        An event loop may ask; :meth:`of_secret` knows the others, and says what is wrong.

        Args:
            secret: that somebody sends.
            sender: the address of whoever sends it, if that is known.
        """
        if is_of_worker(secret):
            return self._backend.store.workers.known(ORGANIZATION, secret)
        return self._backend.store.tokens.known(secret, sender)

    def require_valid(self, token: Token) -> None:
        """Look whether the holder of a token that was read a while ago may still call.

        Raises:
            UnauthenticatedError: when it was revoked or has expired meanwhile.
        """
        self._backend.store.tokens.get(token.id)


def check_token_name(name: str) -> None:
    """Refuse what cannot name a token that people ask for.

    Raises:
        InvalidInputError: for text that is empty, too long or not printable, and for a name that
            only the control plane gives.
    """
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise InvalidInputError(
            f"A token cannot be named {name[:40]!r}: use 1 to {_NAME_MAX} printable characters."
        )
    if name.startswith(POOL_PREFIX):
        raise InvalidInputError(
            f"A token's name may not begin with {POOL_PREFIX!r}: such tokens are revoked by "
            "the server."
        )


def check_roles_of(backend: Backend, actor: Actor, grant: Grant) -> None:
    """Refuse roles that contradict each other, or a new token's grant, or what there is.

    Raises:
        InvalidInputError: also for what is not granted, or names no code location.
        DeploymentNotFoundError: when there is no such deployment.
    """
    check_roles(grant.roles)
    for each in grant.roles.ordered:
        if each.location is not None:
            check_location_name(each.location)
        if each.deployment is None:
            is_granted = grant.branch_deployments
        else:
            found = find_deployment(backend, actor, each.deployment)
            is_in_all = grant.branch_deployments if found.is_branch else grant.deployments is None
            is_granted = is_in_all or found.name in (grant.deployments or ())
        if not is_granted:
            raise InvalidInputError(
                f"There is a role for {each.place}, which the token does not grant. Grant it, or "
                "leave the role out."
            )


def _checked(scope: Scope, deployment: Deployment | None) -> str | None:
    """The name of the deployment that a grant is for."""
    if scope is not Scope.DEPLOYMENT:
        return None
    if deployment is None:
        raise InvalidInputError("A grant of scope DEPLOYMENT needs a deployment. Send its id.")
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
    """Make a token of any name. The caller has checked who may do so."""
    secret = new_secret(kind, organization)
    return IssuedToken(token=backend.store.tokens.create(name, kind, secret, grant), secret=secret)
