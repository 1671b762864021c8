"""User tokens and the organization, in the terms of Dagster+, which Terraform uses.

Dagster+ has users, who have tokens of their own. Here nobody owns a user token: all of them belong
to one user, with the same number everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import NotFoundError
from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.tokens import Token, TokenKind

#: The one user, and the one organization.
_THE_ONLY = 1
_UNNAMED = "user token"


@as_error
def organization(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The organization; its name is not secret: every token contains it."""
    name = facts_of(info).organization
    return {"id": _THE_ONLY, "publicId": name, "name": name, "status": "ACTIVE"}


@as_member("UnauthorizedError")
def user_tokens(
    info: GraphQLResolveInfo,
    userId: int,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """The valid user tokens: Dagster+ has no field that would mark the others."""
    context = context_of(info)
    now = context.control.clock()
    every = context.control.tokens.all(context.actor)
    _require_user(userId)
    return {
        "__typename": "DagsterCloudUserTokens",
        "tokens": [
            _view(token)
            for token in every
            if token.kind is TokenKind.USER and token.is_valid_at(now)
        ],
    }


@as_member("UnauthorizedError")
def create_user_token(
    info: GraphQLResolveInfo, description: str | None = None
) -> Mapping[str, Any]:
    """Make a user token of all deployments, for as long as those of people live."""
    context = context_of(info)
    issued = context.control.tokens.issue(
        context.actor,
        _UNNAMED if description is None else description,
        TokenKind.USER,
        # Whoever manages tokens with Terraform gets a new one when this has ended.
        NewToken(name=_UNNAMED, kind=TokenKind.USER).grant(context.control.clock()),
        facts_of(info).organization,
    )
    return {**_member(issued.token), "token": issued.secret}


@as_member("UnauthorizedError")
def revoke_user_token(
    info: GraphQLResolveInfo,
    tokenId: int,  # noqa: N803 - the wire's
    userId: int,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Revoke a user token."""
    context = context_of(info)
    context.actor.require_organization("Revoking a token")
    _require_user(userId)
    return _member(context.control.tokens.revoke(context.actor, tokenId, TokenKind.USER))


QUERIES: Mapping[str, Resolver] = {"organization": organization, "userTokensOrError": user_tokens}

MUTATIONS: Mapping[str, Resolver] = {
    "createUserToken": create_user_token,
    "revokeUserToken": revoke_user_token,
}


def _require_user(user_id: int) -> None:
    if user_id != _THE_ONLY:
        msg = (
            f"There is no user {user_id}. This control plane has no user accounts: all user "
            f"tokens belong to user {_THE_ONLY}."
        )
        raise NotFoundError(msg)


def _member(token: Token) -> Mapping[str, Any]:
    return {"__typename": "DagsterCloudUserToken", **_view(token)}


def _view(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "description": token.name,
        "token": None,
        "user": {"userId": _THE_ONLY},
    }
