"""The roles in open-source Dagster's terms: what its resolvers ask, and what its UI greys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from dagster._core.workspace.permissions import (
    LOCATION_SCOPED_PERMISSIONS,
    PermissionResult,
    Permissions,
    get_user_permissions,
)

from dagstead.plane.roles import Permission, Role

#: Open-source Dagster's permissions by ours.
OURS: Mapping[Permissions, Permission] = {
    permission: ours
    for ours, theirs in {
        Permission.LAUNCH: (
            Permissions.LAUNCH_PIPELINE_EXECUTION,
            Permissions.LAUNCH_PIPELINE_REEXECUTION,
            Permissions.TERMINATE_PIPELINE_EXECUTION,
            Permissions.DELETE_PIPELINE_RUN,
            Permissions.LAUNCH_PARTITION_BACKFILL,
            Permissions.CANCEL_PARTITION_BACKFILL,
        ),
        Permission.AUTOMATE: (
            Permissions.START_SCHEDULE,
            Permissions.STOP_RUNNING_SCHEDULE,
            Permissions.SCHEDULE_DRY_RUN,
            Permissions.EDIT_SENSOR,
            Permissions.SENSOR_DRY_RUN,
            Permissions.UPDATE_SENSOR_CURSOR,
            Permissions.TOGGLE_AUTO_MATERIALIZE,
        ),
        Permission.CHANGE_DATA: (
            Permissions.WIPE_ASSETS,
            Permissions.REPORT_RUNLESS_ASSET_EVENTS,
            Permissions.EDIT_DYNAMIC_PARTITIONS,
            Permissions.EDIT_CONCURRENCY_LIMIT,
            Permissions.EDIT_APP_MANAGED_COMPONENTS,
            Permissions.REFRESH_COMPONENT_STATE,
        ),
        Permission.DEPLOY: (
            Permissions.RELOAD_REPOSITORY_LOCATION,
            Permissions.RELOAD_WORKSPACE,
        ),
    }.items()
    for permission in theirs
}


@cache
def permissions_of(role: Role) -> Mapping[str, PermissionResult]:
    """All permissions in a deployment; those that nobody has thought of are for nobody."""
    return {
        name: _allowed(Permissions(name), role) if offered.enabled else offered
        for name, offered in get_user_permissions(read_only=False).items()
    }


@cache
def permissions_at_location(role: Role) -> Mapping[str, PermissionResult]:
    """Those that can be held at a single code location."""
    return {
        name: result
        for name, result in permissions_of(role).items()
        if name in LOCATION_SCOPED_PERMISSIONS
    }


def _allowed(permission: Permissions, role: Role) -> PermissionResult:
    ours = OURS.get(permission, Permission.ADMINISTER)
    if role.includes(ours.least):
        return PermissionResult(enabled=True, disabled_reason=None)
    return PermissionResult(
        enabled=False,
        disabled_reason=f"This takes the role {ours.least}, and your role here is {role}.",
    )
