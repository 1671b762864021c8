"""Releases as tests begin them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagstead.plane.locations import Location, NewLocation
from dagstead.plane.releases import NewRelease
from dagstead.store.all import Store


def new_location(name: str, deploy_id: str = "1", queue: str | None = None) -> NewLocation:
    """A location as somebody deploys it, of which nobody reads the document."""
    return NewLocation(
        name=name,
        document={"location_name": name},
        deploy_data=f"data {deploy_id}",
        deploy_id=deploy_id,
        queue=queue,
    )


def deploy(
    store: Store, deployment: str, locations: Sequence[NewLocation], **more: Any
) -> list[Location]:
    """Begin a release of these; the rows as they stand then."""
    store.releases.begin(deployment, NewRelease(locations=locations, **more))
    names = {each.name for each in locations}
    return [each for each in store.locations.all(deployment) if each.name in names]
