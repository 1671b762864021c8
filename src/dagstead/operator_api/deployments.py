"""Deployments: listed, looked up, made from branches, removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.operator_api.agents import agent_type
from dagstead.operator_api.context import context_of, facts_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.branches import SnapshotCondition
from dagstead.plane.deployments import Branch, Deployment


@as_error
def current_deployment(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The deployment that the request is for."""
    return _view(info, context_of(info).deployment)


@as_error
def deployments(info: GraphQLResolveInfo) -> list[Mapping[str, Any]]:
    """All deployments that the token grants."""
    return [_view(info, deployment) for deployment in _granted(info)]


@as_error
def full_deployments(info: GraphQLResolveInfo) -> list[Mapping[str, Any]]:
    """The full deployments that the token grants."""
    return [_view(info, deployment) for deployment in _granted(info) if not deployment.is_branch]


@as_error
def branch_deployments(
    info: GraphQLResolveInfo,
    limit: int,
    pullRequestStatus: str | None = None,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """The newest branch deployments that the token grants."""
    found = [
        deployment
        for deployment in _granted(info)
        if deployment.is_branch and pullRequestStatus in {None, _status(deployment)}
    ]
    found.sort(key=lambda deployment: deployment.created_at, reverse=True)
    return {"nodes": [_view(info, deployment) for deployment in found[: max(limit, 0)]]}


@as_member("DeploymentNotFoundError", "UnauthorizedError")
def deployment_by_name(info: GraphQLResolveInfo, name: str) -> Mapping[str, Any]:
    """One deployment."""
    context = context_of(info)
    deployment = context.control.deployments.named(context.actor, name)
    return {"__typename": "DagsterCloudDeployment", **_view(info, deployment)}


@as_error
def get_branch_deployment_name(
    info: GraphQLResolveInfo,
    repoName: str,  # noqa: N803 - the wire's
    branchName: str,  # noqa: N803 - the wire's
) -> str:
    """The name that a branch's deployment has, or would have."""
    context = context_of(info)
    return context.control.deployments.branch_name(context.actor, repoName, branchName)


@as_member()
def create_or_update_branch_deployment(
    info: GraphQLResolveInfo,
    branchData: Mapping[str, Any],  # noqa: N803 - the wire's
    commit: Mapping[str, Any],
    baseDeploymentName: str | None = None,  # noqa: N803 - the wire's
    snapshotBaseCondition: str | None = None,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Create or update a branch's deployment; a closed pull request closes it."""
    context = context_of(info)
    condition = None if snapshotBaseCondition is None else _CONDITIONS[snapshotBaseCondition]
    deployment = context.control.deployments.open_branch(
        context.actor, _branch(branchData, commit), baseDeploymentName, condition
    )
    return {"__typename": "DagsterCloudDeployment", **_view(info, deployment)}


@as_member("UnauthorizedError")
def create_deployment(
    info: GraphQLResolveInfo,
    deploymentName: str,  # noqa: N803 - the wire's
    deploymentAgentType: str | None = None,  # noqa: ARG001, N803 - the wire's
) -> Mapping[str, Any]:
    """Make a full deployment.

    Dagster+ binds a deployment to one type of agent. Here the queue of a location decides, so any
    type is accepted, and ``agentType`` says who serves the default queue at present.
    """
    context = context_of(info)
    made = context.control.deployments.create(context.actor, deploymentName)
    return {"__typename": "DagsterCloudDeployment", **_view(info, made)}


@as_member("DeploymentNotFoundError", "DeleteFinalDeploymentError")
def delete_deployment(
    info: GraphQLResolveInfo,
    deploymentId: int,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Remove a deployment with everything it stored, except the last full one.

    Both clients read a text from ``PythonError`` only, so refusals are of that type.
    """
    context = context_of(info)
    deployments = context.control.deployments
    deployment = deployments.numbered(context.actor, deploymentId)
    view = _view(info, deployment)
    deployments.delete(context.actor, deployment)
    return {"__typename": "DagsterCloudDeployment", **view}


QUERIES: Mapping[str, Resolver] = {
    "branchDeployments": branch_deployments,
    "currentDeployment": current_deployment,
    "deploymentByName": deployment_by_name,
    "deployments": deployments,
    "fullDeployments": full_deployments,
    "getBranchDeploymentName": get_branch_deployment_name,
}

MUTATIONS: Mapping[str, Resolver] = {
    "createDeployment": create_deployment,
    "createOrUpdateBranchDeployment": create_or_update_branch_deployment,
    "deleteDeployment": delete_deployment,
}


def _view(info: GraphQLResolveInfo, deployment: Deployment) -> Mapping[str, Any]:
    context = context_of(info)
    return {
        "deploymentId": deployment.id,
        "deploymentName": deployment.name,
        "deploymentType": "BRANCH" if deployment.is_branch else "PRODUCTION",
        "deploymentStatus": "ACTIVE",
        # Read only when it is asked for: it needs the heartbeats.
        "agentType": lambda _info: agent_type(context.control.agents.of(context.actor, deployment)),
        "isBranchDeployment": deployment.is_branch,
        "organizationName": facts_of(info).organization,
        "createdAt": deployment.created_at,
        "isClosed": deployment.closed,
        "closesAt": lambda info: _closing_times(info).get(deployment.name),
        "repoName": deployment.branch and deployment.branch.repo_name,
        "branchName": deployment.branch and deployment.branch.branch_name,
        "locationCount": lambda _info: len(
            context.control.locations.all(context.actor, deployment)
        ),
    }


def _closing_times(info: GraphQLResolveInfo) -> Mapping[str, float]:
    """When branch deployments are closed, read once for all deployments of a list."""
    context = context_of(info)
    return context.control.branches.closing_times(context.actor)


def _granted(info: GraphQLResolveInfo) -> Sequence[Deployment]:
    context = context_of(info)
    return context.control.deployments.granted(context.actor)


#: By their names on the wire.
_CONDITIONS: Mapping[str, SnapshotCondition] = {
    "ON_CREATE": SnapshotCondition.ON_CREATE,
    "ON_UPDATE": SnapshotCondition.ON_UPDATE,
}


def _status(deployment: Deployment) -> str:
    branch = deployment.branch
    return (branch.pull_request_status if branch else None) or "OPEN"


def _branch(data: Mapping[str, Any], commit: Mapping[str, Any]) -> Branch:
    return Branch(
        repo_name=data["repoName"],
        branch_name=data["branchName"],
        branch_url=data.get("branchUrl"),
        pull_request_url=data.get("pullRequestUrl"),
        pull_request_status=data.get("pullRequestStatus"),
        pull_request_number=data.get("pullRequestNumber"),
        commit_hash=commit["commitHash"],
        commit_message=commit.get("commitMessage"),
        commit_url=commit.get("commitUrl"),
        author_name=commit.get("authorName"),
        author_email=commit.get("authorEmail"),
        timestamp=commit["timestamp"],
    )
