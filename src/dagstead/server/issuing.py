"""Making tokens: the text is made here, handed to the caller, and kept nowhere."""

from __future__ import annotations

from dagstead.errors import InvalidInputError
from dagstead.plane.tokens import Token, TokenKind, new_secret
from dagstead.store.all import Store
from dagstead.store.tokens import Grant

_NAME_MAX = 100

#: How tokens of managed pools are named; they are revoked by name.
POOL_PREFIX = "serverless pool on "


def issue(
    store: Store, name: str, kind: TokenKind, grant: Grant, organization: str
) -> tuple[Token, str]:
    """Make a token for somebody.

    Returns:
        The token as it is stored, and its text.

    Raises:
        InvalidInputError: when the name cannot be used.
        DeploymentNotFoundError: when a deployment of the grant does not exist.
    """
    if not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        msg = f"--name is {name[:40]!r}: use 1 to {_NAME_MAX} printable characters."
        raise InvalidInputError(msg)
    if name.startswith(POOL_PREFIX):
        msg = f"--name may not begin with {POOL_PREFIX!r}: such tokens are revoked by the server."
        raise InvalidInputError(msg)
    for deployment in sorted(grant.deployments or ()):
        store.deployments.get(deployment)
    return make(store, name, kind, grant, organization)


def make(
    store: Store, name: str, kind: TokenKind, grant: Grant, organization: str
) -> tuple[Token, str]:
    """Make a token for whatever name."""
    secret = new_secret(kind, organization)
    return store.tokens.create(name, kind, secret, grant), secret
