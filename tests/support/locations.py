"""A location as the store has it."""

from __future__ import annotations

from dagstead.plane.locations import Deploy, LoadState, Location

#: Of release 1, with nothing that failed since.
LIVE_LOCATION = Location(
    deployment="prod",
    name="ml",
    document={},
    deploy_data="",
    deploy_id="d1",
    queue=None,
    state=LoadState.LOADED,
    timestamp=1.0,
    manifest="{}",
    manifest_deploy_id="d1",
    live=Deploy(document={}, deploy_data="", deploy_id="d1", queue=None),
    release=1,
    open_release=None,
    error=None,
    notice=None,
    updated_at=1.0,
    version=1,
)
