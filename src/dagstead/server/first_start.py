"""What a new installation needs before anybody can use it, and the managed pool's token."""

from __future__ import annotations

import socket

from dagstead.plane.tokens import Token, TokenKind
from dagstead.server.deployment_names import PREFERRED_DEPLOYMENT
from dagstead.server.issuing import POOL_PREFIX, make
from dagstead.store.all import Store
from dagstead.store.tokens import Grant

_FIRST_USER = "first sign-in"


def make_first_deployment(store: Store) -> None:
    """Make a deployment when there is none at all."""
    if not store.deployments.all():
        store.deployments.create(PREFERRED_DEPLOYMENT)


def first_deployment(store: Store) -> str:
    """The full deployment to begin with."""
    full = [each.name for each in store.deployments.all() if not each.is_branch]
    return full[0] if full and PREFERRED_DEPLOYMENT not in full else PREFERRED_DEPLOYMENT


def first_user_secret(store: Store, organization: str) -> str | None:
    """A user token for the first person, or ``None`` when there has ever been one."""
    if any(token.kind is TokenKind.USER for token in store.tokens.all()):
        return None
    return make(store, _FIRST_USER, TokenKind.USER, Grant(), organization)[1]


def new_pool_secret(store: Store, organization: str) -> str:
    """A fresh token for the pool of this machine.

    Its token before stays valid until the pool stops in order, or starts once more: run workers
    that outlived a crash still report with it.
    """
    for token in _pool_tokens(store)[:-1]:
        store.tokens.revoke(token.id)
    grant = Grant(deployments=None, queues=[None], branch_deployments=True)
    secret = make(store, _pool_name(), TokenKind.AGENT, grant, organization)[1]
    # It counts as used: the pool starts with it, and a deploy that comes first may wait for it.
    store.tokens.authenticate(secret)
    return secret


def revoke_pool_tokens(store: Store) -> None:
    """The pool has stopped, and all its run workers with it."""
    for token in _pool_tokens(store):
        store.tokens.revoke(token.id)


def _pool_name() -> str:
    # By machine: pools on several machines share one database, and must not revoke each other.
    return f"{POOL_PREFIX}{socket.gethostname()}"


def _pool_tokens(store: Store) -> list[Token]:
    return [
        token
        for token in store.tokens.all()
        if token.kind is TokenKind.AGENT and token.name == _pool_name() and token.revoked_at is None
    ]
