"""All fields that are answered from a deployment's open-source storage."""

from __future__ import annotations

from dagstead.agent_api.graphql.events import write_fields
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.graphql.pools import pool_fields
from dagstead.agent_api.graphql.runs import run_fields
from dagstead.agent_api.graphql.snapshots import snapshot_fields


def storage_roots() -> dict[str, Namespace | Resolver]:
    """The root fields to give to an executor, beside those of the control plane."""
    return {
        "runs": Namespace("Runs", {**run_fields(), **snapshot_fields()}),
        "eventLogs": Namespace("EventLogs", {**write_fields(), **pool_fields()}),
    }
