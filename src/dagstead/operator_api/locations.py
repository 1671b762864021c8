"""Deploying, listing and removing code locations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagster_graphql.implementation.utils import capture_error
from dagster_graphql.schema.external import GrapheneWorkspace, GrapheneWorkspaceLocationEntry
from graphql import GraphQLResolveInfo

from dagstead.engine.workspace import DeploymentRequestContext
from dagstead.operator_api.context import context_of
from dagstead.operator_api.documents import DeployTarget, read_location, read_locations
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.locations import LoadState, Location, NewLocation
from dagstead.plane.releases import NewRelease


@as_member("InvalidLocationError", "UnauthorizedError")
def add_or_update_location(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy one location."""
    context = context_of(info)
    new = read_location(document, DeployTarget(deployment=context.deployment))
    _begin(context, [new])
    deployed = context.control.locations.get(context.actor, context.deployment, new.name)
    return {"__typename": "WorkspaceEntry", **_entry(deployed)}


@as_member("InvalidLocationError")
def deploy_locations(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy several locations, all or none; others stay as they are."""
    context = context_of(info)
    new = read_locations(document, DeployTarget(deployment=context.deployment))
    _begin(context, new)
    return {"__typename": "DeployLocationsSuccess", "locations": _entries(context, new)}


@as_member("InvalidLocationError")
def reconcile_locations(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy several locations. Once they are live, remove those that the document lacks."""
    context = context_of(info)
    new = read_locations(document, DeployTarget(deployment=context.deployment))
    _begin(context, new, remove_others=True)
    return {"__typename": "ReconcileLocationsSuccess", "locations": _entries(context, new)}


@as_member()
def delete_location(
    info: GraphQLResolveInfo,
    locationName: str,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Remove a location; its agent then stops its code server."""
    context = context_of(info)
    context.control.locations.remove(context.actor, context.deployment, locationName)
    return {"__typename": "DeleteLocationSuccess", "locationName": locationName}


@as_error
def locations_as_document(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The deployment's locations in the form in which they can be deployed again."""
    return {"document": {"locations": [dict(location.document) for location in _all(info)]}}


@as_error
def workspace(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The deployment's locations with the agent's form of what was deployed."""
    return {"workspaceEntries": [_entry(location) for location in _all(info)]}


@capture_error
def workspace_or_error(info: Any) -> GrapheneWorkspace:
    """Whether the newest load of every location succeeded, as the CLI asks after a deploy."""
    entries = info.context.load_outcomes().values()
    return GrapheneWorkspace(
        locationEntries=[GrapheneWorkspaceLocationEntry(entry) for entry in entries]
    )


QUERIES: Mapping[str, Resolver] = {
    "locationsAsDocument": locations_as_document,
    "workspace": workspace,
}

REPLACED_QUERIES: Mapping[str, Resolver] = {"workspaceOrError": workspace_or_error}

MUTATIONS: Mapping[str, Resolver] = {
    "addOrUpdateLocationFromDocument": add_or_update_location,
    "deleteLocation": delete_location,
    "deployLocations": deploy_locations,
    "reconcileLocationsFromDocument": reconcile_locations,
}


def _begin(
    context: DeploymentRequestContext, new: Sequence[NewLocation], *, remove_others: bool = False
) -> None:
    context.control.releases.begin(
        context.actor, context.deployment, NewRelease(locations=new), remove_others=remove_others
    )


def _entries(
    context: DeploymentRequestContext, new: Sequence[NewLocation]
) -> list[Mapping[str, Any]]:
    names = {location.name for location in new}
    every = context.control.locations.all(context.actor, context.deployment)
    return [_entry(location) for location in every if location.name in names]


def _all(info: GraphQLResolveInfo) -> list[Location]:
    context = context_of(info)
    return context.control.locations.all(context.actor, context.deployment)


def _entry(location: Location) -> Mapping[str, Any]:
    return {
        "locationName": location.name,
        "serializedDeploymentMetadata": location.deploy_data,
        "metadataTimestamp": location.timestamp,
        "hasOutdatedData": location.is_loading,
        "hasLoadError": location.state is LoadState.FAILED or location.notice is not None,
    }
