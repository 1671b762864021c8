"""Reading and writing the settings of a deployment and of the organization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import InvalidInputError
from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member


@as_error
def deployment_settings(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The settings as they were set."""
    context = context_of(info)
    settings = context.control.deployments.settings(context.actor, context.deployment)
    ignored = context.control.deployments.ignored_settings(context.actor, context.deployment)
    return {"settings": dict(settings), "ignored": [asdict(each) for each in ignored]}


@as_member("UnauthorizedError")
def set_deployment_settings(
    info: GraphQLResolveInfo,
    deploymentSettings: Mapping[str, Any],  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Replace the settings; the deployment uses them from its next request or tick."""
    context = context_of(info)
    settings = _mapping(deploymentSettings.get("settings"))
    changed = context.control.deployments.set_settings(context.actor, context.deployment, settings)
    return {
        "__typename": "DeploymentSettings",
        "settings": dict(changed.settings),
        "ignored": [],
    }


@as_error
def organization_settings(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The organization's settings as they were set."""
    context = context_of(info)
    organization = context.control.organization
    return {
        "settings": dict(organization.settings(context.actor)),
        "ignored": [asdict(each) for each in organization.ignored_settings(context.actor)],
    }


@as_member("UnauthorizedError")
def set_organization_settings(
    info: GraphQLResolveInfo,
    organizationSettings: Mapping[str, Any],  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Replace the organization's settings."""
    context = context_of(info)
    settings = _mapping(organizationSettings.get("settings"))
    context.control.organization.set_settings(context.actor, settings)
    return {"__typename": "OrganizationSettings", "settings": dict(settings), "ignored": []}


QUERIES: Mapping[str, Resolver] = {
    "deploymentSettings": deployment_settings,
    "organizationSettings": organization_settings,
}

MUTATIONS: Mapping[str, Resolver] = {
    "setDeploymentSettings": set_deployment_settings,
    "setOrganizationSettings": set_organization_settings,
}


def _mapping(settings: object) -> Mapping[str, Any]:
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        msg = f"The settings are {type(settings).__name__}, not a mapping of names to values."
        raise InvalidInputError(msg)
    return settings
