"""``runs { ... }``: backfills, the heartbeats of daemons, and the telemetry of runs."""

from __future__ import annotations

import json
from typing import Any

from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.execution.telemetry import RunTelemetryData
from dagster._core.storage.runs.base import RunStorage
from dagster._daemon.types import DaemonHeartbeat

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import OK, Resolver
from dagstead.agent_api.graphql.inputs import BackfillsFilterInput, Limit, value_of
from dagstead.agent_api.serialization import pack, pack_optional, unpack


def backfill_fields() -> dict[str, Resolver]:
    """The fields of ``runs`` about backfills, daemons and telemetry."""
    return {
        "getBackfills": get_backfills,
        "getBackfill": get_backfill,
        "addBackfill": add_backfill,
        "updateBackfill": update_backfill,
        "addDaemonHeartbeat": add_daemon_heartbeat,
        "getDaemonHeartbeats": get_daemon_heartbeats,
        "addRunTelemetry": add_run_telemetry,
    }


def get_backfills(
    context: AgentContext,
    *,
    status: BulkActionStatus | None = None,
    cursor: str | None = None,
    limit: Limit | None = None,
    filters: BackfillsFilterInput | None = None,
) -> list[str]:
    """The backfills that match a filter, newest first."""
    found = _storage(context).get_backfills(
        filters=value_of(filters), cursor=cursor, limit=limit, status=status
    )
    return [pack(backfill) for backfill in found]


def get_backfill(context: AgentContext, *, backfill_id: str) -> str | None:
    """One backfill; None if no backfill has this id."""
    return pack_optional(_storage(context).get_backfill(backfill_id))


def add_backfill(context: AgentContext, *, serialized_partition_backfill: str) -> dict[str, bool]:
    """Store a new backfill."""
    backfill = unpack(serialized_partition_backfill, PartitionBackfill)
    _storage_for(context, backfill).add_backfill(backfill)
    return OK


def update_backfill(
    context: AgentContext, *, serialized_partition_backfill: str
) -> dict[str, bool]:
    """Replace a backfill."""
    backfill = unpack(serialized_partition_backfill, PartitionBackfill)
    stored = _storage(context).get_backfill(backfill.backfill_id)
    if stored is not None:
        _storage_for(context, stored)
    _storage_for(context, backfill).update_backfill(backfill)
    return OK


def add_daemon_heartbeat(
    context: AgentContext, *, serialized_daemon_heartbeat: str
) -> dict[str, bool]:
    """Store the heartbeat of a daemon."""
    heartbeat = unpack(serialized_daemon_heartbeat, DaemonHeartbeat)
    instance = context.instance_for_all("The heartbeat of a daemon")
    instance.run_storage.add_daemon_heartbeat(heartbeat)
    return OK


def get_daemon_heartbeats(context: AgentContext) -> str:
    """The latest heartbeat of each kind of daemon, as a JSON object of packed values."""
    found = _storage(context).get_daemon_heartbeats()
    return json.dumps({kind: pack(heartbeat) for kind, heartbeat in found.items()})


def add_run_telemetry(
    context: AgentContext, *, serialized_telemetry: str, serialized_tags: str
) -> dict[str, bool]:
    """Store what a run measured about itself, if the storage keeps that."""
    telemetry = unpack(serialized_telemetry, RunTelemetryData)
    tags = unpack(serialized_tags, dict)
    storage = context.instance_for_runs(telemetry.run_id).run_storage
    if storage.supports_run_telemetry():
        storage.add_run_telemetry(telemetry, tags)
    return OK


def _storage(context: AgentContext) -> RunStorage[Any]:
    return context.instance.run_storage


def _storage_for(context: AgentContext, backfill: PartitionBackfill) -> RunStorage[Any]:
    """The storage, to write a backfill, whose runs are launched in its location.

    A backfill of assets launches runs in any location.
    """
    origin = backfill.partition_set_origin
    if origin is None:
        return context.instance_for_all("A backfill of assets").run_storage
    location = origin.repository_origin.code_location_origin.location_name
    return context.instance_for_locations(location).run_storage
