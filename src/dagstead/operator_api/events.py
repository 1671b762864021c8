"""What the CLI reports: telemetry, and the versions of component state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.errors import ConfigurationError
from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error


def mark_cli_event(_info: GraphQLResolveInfo, **_event: object) -> str:
    """Acknowledge a build or deploy of the CLI; nothing of it is stored."""
    return "ok"


@as_error
def set_latest_defs_state_version(
    info: GraphQLResolveInfo, key: str, version: str | None = None
) -> Mapping[str, Any]:
    """Record that the CLI uploaded a new version of a component's state."""
    storage = context_of(info).instance.defs_state_storage
    if storage is None:
        msg = "This deployment keeps no component state."
        raise ConfigurationError(msg)
    storage.set_latest_version(key, version)
    return {"ok": True}


MUTATIONS: Mapping[str, Resolver] = {
    "markCliEvent": mark_cli_event,
    "setLatestDefsStateVersion": set_latest_defs_state_version,
}
