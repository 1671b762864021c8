"""``eventLogs { ... }``: concurrency limits and their slots."""

from __future__ import annotations

from typing import Any

from dagstead.agent_api.graphql.context import StorageContext
from dagstead.agent_api.graphql.executor import Resolver


def pool_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about concurrency."""
    return {
        "getPoolConfig": get_pool_config,
    }


def get_pool_config(context: StorageContext) -> dict[str, Any]:
    """What the deployment's settings say of pools."""
    config = context.instance.event_log_storage.get_pool_config()
    granularity = config.pool_granularity
    return {
        "poolGranularity": None if granularity is None else granularity.value,
        "defaultPoolLimit": config.default_pool_limit,
        "opGranularityRunBuffer": config.op_granularity_run_buffer,
    }
