"""Agent tokens and what they grant, in the terms of Dagster+, which Terraform uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.engine.workspace import DeploymentRequestContext
from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_member
from dagstead.plane.deployments import Deployment
from dagstead.plane.reach import Scope
from dagstead.plane.tokens import Grant, Token, TokenKind

#: All that an agent token can grant on a deployment: to serve it.
_GRANT = "AGENT"
#: `dg plus create ci-api-token` need not say what the token is for.
_UNNAMED = "agent token"


@as_member("UnauthorizedError")
def agent_tokens(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """All agent tokens, revoked ones too."""
    context = context_of(info)
    every = context.control.tokens.all(context.actor)
    return {
        "__typename": "DagsterCloudAgentTokens",
        "tokens": [_view(context, token) for token in every if token.kind is TokenKind.AGENT],
    }


@as_member("UnauthorizedError")
def agent_token(
    info: GraphQLResolveInfo,
    tokenId: int,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """One agent token."""
    context = context_of(info)
    return _member(context, context.control.tokens.agent(context.actor, tokenId))


@as_member("UnauthorizedError")
def create_agent_token(
    info: GraphQLResolveInfo, description: str | None = None
) -> Mapping[str, Any]:
    """Make an agent token of all deployments and all queues."""
    context = context_of(info)
    issued = context.control.tokens.issue(
        context.actor,
        _UNNAMED if description is None else description,
        TokenKind.AGENT,
        Grant(),
        facts_of(info).organization,
    )
    return {**_member(context, issued.token), "token": issued.secret}


@as_member("UnauthorizedError")
def revoke_agent_token(
    info: GraphQLResolveInfo,
    tokenId: int,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Revoke an agent token."""
    context = context_of(info)
    revoked = context.control.tokens.revoke(context.actor, tokenId, TokenKind.AGENT)
    return _member(context, revoked)


@as_member("UnauthorizedError")
def create_or_update_agent_permissions(
    info: GraphQLResolveInfo,
    agentPermission: Mapping[str, Any],  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Let an agent token grant more deployments."""
    context = context_of(info)
    changed = context.control.tokens.add_scope(context.actor, *_asked(context, agentPermission))
    return _member(context, changed)


@as_member("UnauthorizedError")
def remove_agent_permissions(
    info: GraphQLResolveInfo,
    agentPermission: Mapping[str, Any],  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Let an agent token grant fewer deployments."""
    context = context_of(info)
    changed = context.control.tokens.remove_scope(context.actor, *_asked(context, agentPermission))
    return _member(context, changed)


QUERIES: Mapping[str, Resolver] = {
    "agentTokenOrError": agent_token,
    "agentTokensOrError": agent_tokens,
}

MUTATIONS: Mapping[str, Resolver] = {
    "createAgentToken": create_agent_token,
    "createOrUpdateAgentPermissions": create_or_update_agent_permissions,
    "removeAgentPermissions": remove_agent_permissions,
    "revokeAgentToken": revoke_agent_token,
}


def _asked(
    context: DeploymentRequestContext, permission: Mapping[str, Any]
) -> tuple[int, Scope, Deployment | None]:
    """The token, the scope and the deployment. Other scopes send no deployment, or 0."""
    scope = Scope(permission["deploymentScope"])
    number = permission.get("deploymentId")
    deployment = (
        context.control.deployments.numbered(context.actor, number)
        if scope is Scope.DEPLOYMENT and number is not None
        else None
    )
    return permission["agentTokenId"], scope, deployment


def _member(context: DeploymentRequestContext, token: Token) -> Mapping[str, Any]:
    return {"__typename": "DagsterCloudAgentToken", **_view(context, token)}


def _view(context: DeploymentRequestContext, token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "description": token.name,
        "token": None,
        "revoked": not token.is_valid_at(context.control.clock()),
        # Read only when it is asked for: it needs the deployments.
        "permissions": lambda _info: _permissions(context, token),
    }


def _permissions(context: DeploymentRequestContext, token: Token) -> Mapping[str, Any]:
    reach = token.reach
    granted = [
        deployment.id
        for deployment in context.control.deployments.granted(context.actor)
        if deployment.name in reach.deployments
    ]
    return {
        "organizationPermissionGrant": _grant(Scope.ORGANIZATION) if reach.organization else None,
        "allBranchDeploymentsPermissionGrant": (
            _grant(Scope.ALL_BRANCH_DEPLOYMENTS) if reach.branch_deployments else None
        ),
        "deploymentPermissionGrants": [
            _grant(Scope.DEPLOYMENT, deployment_id) for deployment_id in granted
        ],
    }


def _grant(scope: Scope, deployment_id: int | None = None) -> Mapping[str, Any]:
    return {"grant": _GRANT, "deploymentScope": str(scope), "deploymentId": deployment_id}
