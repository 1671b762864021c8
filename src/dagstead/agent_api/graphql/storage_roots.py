"""All fields that are answered from a deployment's open-source storage."""

from __future__ import annotations

from dagstead.agent_api.graphql.asset_events import asset_event_fields
from dagstead.agent_api.graphql.assets import asset_fields
from dagstead.agent_api.graphql.backfills import backfill_fields
from dagstead.agent_api.graphql.checks import check_fields
from dagstead.agent_api.graphql.defs_state import DefsState
from dagstead.agent_api.graphql.events import event_fields
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.graphql.not_served import not_served_roots
from dagstead.agent_api.graphql.partitions import partition_fields
from dagstead.agent_api.graphql.pools import pool_fields
from dagstead.agent_api.graphql.runs import run_fields
from dagstead.agent_api.graphql.schedules import schedules
from dagstead.agent_api.graphql.snapshots import snapshot_fields


def storage_roots() -> dict[str, Namespace | Resolver]:
    """The root fields to give to an executor, beside those of the control plane."""
    return {
        "runs": Namespace("Runs", {**run_fields(), **snapshot_fields(), **backfill_fields()}),
        "eventLogs": Namespace(
            "EventLogs",
            {
                **event_fields(),
                **asset_fields(),
                **asset_event_fields(),
                **check_fields(),
                **partition_fields(),
                **pool_fields(),
            },
        ),
        "schedules": schedules(),
        **DefsState().roots(),
        **not_served_roots(),
    }
