"""What a new installation needs before anybody can use it, and the managed pool's token."""

from __future__ import annotations

import socket

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.sign_ins import NewLink
from dagstead.plane.tokens import PoolReach, TokenKind

#: Made at the first start, shown first, and stands for the organization in questions that name no
#: deployment.
PREFERRED_DEPLOYMENT = "prod"


def make_first_deployment(control: Control) -> None:
    """Make a deployment when there is none at all."""
    if not control.deployments.granted(SYSTEM):
        control.deployments.create(SYSTEM, PREFERRED_DEPLOYMENT)


def first_deployment(control: Control) -> str:
    """The full deployment to begin with."""
    full = [
        deployment.name
        for deployment in control.deployments.granted(SYSTEM)
        if not deployment.is_branch
    ]
    return full[0] if full and PREFERRED_DEPLOYMENT not in full else PREFERRED_DEPLOYMENT


def first_link(control: Control) -> NewLink | None:
    """A sign-in link for the first person, or ``None`` when there has ever been a user token."""
    if any(token.kind is TokenKind.USER for token in control.tokens.all(SYSTEM)):
        return None
    return control.sign_ins.new_link(SYSTEM)


def new_pool_secret(control: Control, organization: str, serves: PoolReach = PoolReach.ALL) -> str:
    """A new token for the pool of this machine."""
    return control.pool_tokens.renew(SYSTEM, socket.gethostname(), organization, serves)


def revoke_pool_tokens(control: Control) -> None:
    """The pool of this machine has stopped, and all its run workers with it."""
    control.pool_tokens.revoke(SYSTEM, socket.gethostname())
