"""``deployments``, ``deploymentInfo``, ``workspace`` and ``scopedSecrets``: what agents serve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.services import Caller
from dagstead.errors import DeploymentNotFoundError, InvalidInputError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import LoadState, Location


def catalogue_roots() -> dict[str, Namespace | Resolver]:
    """The root fields of this module."""
    return {
        "deployments": list_deployments,
        "deploymentInfo": deployment_info,
        "workspace": workspace,
        "scopedSecrets": scoped_secrets,
    }


def list_deployments(
    context: AgentContext,
    *,
    deployment_names: Sequence[str],
    include_all_serverless_deployments: bool = False,
) -> list[dict[str, Any]]:
    """The named deployments, or for the managed pool all that its token grants.

    Names that do not exist are left out: the official agent logs which ones are missing. Names that
    the token does not grant are refused.
    """
    caller = context.caller
    found = [known for name in deployment_names if (known := _find(caller, name)) is not None]
    if include_all_serverless_deployments:
        found += [
            deployment
            for deployment in caller.control.deployments.granted(caller.actor)
            if deployment.name not in deployment_names and not deployment.closed
        ]
    return [_deployment(caller, deployment) for deployment in found]


def deployment_info(context: AgentContext) -> dict[str, Any]:
    """The deployment of an agent that names none: the only one that its token grants."""
    caller = context.caller
    if caller.deployment_name:
        return _deployment(caller, caller.deployment)
    granted = [
        deployment
        for deployment in caller.control.deployments.granted(caller.actor)
        if not deployment.is_branch
    ]
    if len(granted) != 1:
        names = ", ".join(deployment.name for deployment in granted) or "none"
        msg = (
            "The agent names no deployment, and its token grants not exactly one "
            f"({names}). Set `deployment` under dagster_cloud_api in its dagster.yaml."
        )
        raise InvalidInputError(msg)
    return _deployment(caller, granted[0])


def workspace(context: AgentContext) -> dict[str, Any]:
    """The locations of the call's deployment, of every queue that the token grants."""
    caller = context.caller
    found = caller.control.locations.all(caller.actor, caller.deployment)
    return {"workspaceEntries": [_entry(location) for location in found]}


def scoped_secrets(
    context: AgentContext, *, location_name: str | None = None
) -> list[dict[str, Any]]:
    """The environment variables for a location's code. Its code server asks for them first."""
    caller = context.caller
    deployment = caller.deployment
    found = caller.control.secrets.for_code(
        caller.actor, deployment, location_name, caller.services.secrets
    )
    if location_name is not None:
        caller.control.locations.note_importing(caller.actor, deployment, location_name)
    return [
        {
            "secretName": secret.name,
            "secretValue": secret.value,
            "locationNames": list(secret.locations),
        }
        for secret in found
    ]


def _find(caller: Caller, name: str) -> Deployment | None:
    try:
        return caller.control.deployments.named(caller.actor, name)
    except DeploymentNotFoundError:
        return None


def _deployment(caller: Caller, deployment: Deployment) -> dict[str, Any]:
    return {
        "deploymentName": deployment.name,
        "deploymentType": "BRANCH" if deployment.is_branch else "PRODUCTION",
        "isBranchDeployment": deployment.is_branch,
        "workspaceEntries": partial(_workspace_entries, caller, deployment),
    }


def _workspace_entries(
    caller: Caller,
    deployment: Deployment,
    _context: AgentContext,
    *,
    agent_queues: Sequence[str | None] = (None,),
) -> list[dict[str, Any]]:
    found = caller.control.locations.to_serve(caller.actor, deployment, agent_queues)
    return [_entry(location) for location in found]


def _entry(location: Location) -> dict[str, Any]:
    return {
        "locationName": location.name,
        "serializedDeploymentMetadata": location.deploy_data,
        "hasOutdatedData": location.state is LoadState.LOADING,
        "hasLoadError": location.state is LoadState.FAILED,
        "metadataTimestamp": location.timestamp,
    }
