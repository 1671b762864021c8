"""Deploying, listing and removing code locations."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import InvalidDocumentError
from dagstead.operator_api.context import Context, context_of
from dagstead.operator_api.documents import Deploying, pex_files, read_location, read_locations
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind
from dagstead.plane.locations import LoadState, Location, NewLocation


@as_member("InvalidLocationError", "UnauthorizedError")
def add_or_update_location(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy one location."""
    context = context_of(info)
    (deployed,) = _deploy(context, [read_location(document, _deploying(context))])
    return {"__typename": "WorkspaceEntry", **_entry(deployed)}


@as_member("InvalidLocationError")
def deploy_locations(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy several locations, all or none; others stay as they are."""
    context = context_of(info)
    deployed = _deploy(context, read_locations(document, _deploying(context)))
    return {"__typename": "DeployLocationsSuccess", "locations": list(map(_entry, deployed))}


@as_member("InvalidLocationError")
def reconcile_locations(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Deploy several locations, all or none, and remove those that the document lacks."""
    context = context_of(info)
    new = read_locations(document, _deploying(context))
    deployed = _deploy(context, new, remove_others=True)
    return {"__typename": "ReconcileLocationsSuccess", "locations": list(map(_entry, deployed))}


@as_member()
def delete_location(
    info: GraphQLResolveInfo,
    locationName: str,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Remove a location; its agent then stops its code server."""
    context = context_of(info)
    location = context.store.locations.get(context.deployment.name, locationName)
    context.store.locations.remove(context.deployment.name, locationName)
    context.calls.check_for_workspace_updates(context.deployment, [location.queue])
    return {"__typename": "DeleteLocationSuccess", "locationName": locationName}


@as_error
def locations_as_document(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The deployment's locations in the form in which they can be deployed again."""
    return {"document": {"locations": [dict(each.document) for each in _all(info)]}}


@as_error
def workspace(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The deployment's locations with the agent's form of what was deployed."""
    return {"workspaceEntries": [_entry(each) for each in _all(info)]}


QUERIES: Mapping[str, Resolver] = {
    "locationsAsDocument": locations_as_document,
    "workspace": workspace,
}

MUTATIONS: Mapping[str, Resolver] = {
    "addOrUpdateLocationFromDocument": add_or_update_location,
    "deleteLocation": delete_location,
    "deployLocations": deploy_locations,
    "reconcileLocationsFromDocument": reconcile_locations,
}


def _deploy(
    context: Context, new: Sequence[NewLocation], *, remove_others: bool = False
) -> list[Location]:
    _require_uploads(new, lambda key: context.store.blobs.size(key) is not None)
    deployment = context.deployment
    before = {each.name: each for each in context.store.locations.all(deployment.name)}
    deployed = context.store.locations.deploy(deployment.name, new, remove_others=remove_others)
    # The agent of a queue that loses a location must hear of it, too: it stops the code server.
    named = {each.name for each in new}
    left = {each.queue for name, each in before.items() if name in named or remove_others}
    context.calls.check_for_workspace_updates(deployment, left | {each.queue for each in new})
    return deployed


def _require_uploads(new: Iterable[NewLocation], stored: Callable[[BlobKey], bool]) -> None:
    """Refuse a PEX file that was never uploaded.

    The CLI goes on when an upload fails (``pex_registry.upload_files`` drops its own error), and
    the location would fail to load much later on the pool.
    """
    errors = [
        f"Location {each.name!r}: PEX file {file!r} is not stored here. Its upload may have "
        "failed: build it again with `dagster-cloud ci build`, and look for 'Upload failed'."
        for each in new
        for file in pex_files(each)
        if not stored(BlobKey(BlobKind.PEX, ORGANIZATION, file))
    ]
    if errors:
        raise InvalidDocumentError(errors)


def _deploying(context: Context) -> Deploying:
    return Deploying(deployment=context.deployment, new_deploy_id=lambda: uuid.uuid4().hex)


def _all(info: GraphQLResolveInfo) -> list[Location]:
    context = context_of(info)
    return context.store.locations.all(context.deployment.name)


def _entry(location: Location) -> Mapping[str, Any]:
    return {
        "locationName": location.name,
        "serializedDeploymentMetadata": location.deploy_data,
        "metadataTimestamp": location.timestamp,
        "hasOutdatedData": location.state is LoadState.LOADING,
        "hasLoadError": location.state is LoadState.FAILED,
    }
