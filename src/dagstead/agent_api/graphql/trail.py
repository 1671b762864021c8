"""What the trail has of an agent's operations: those that administer, and whatever is refused.

Runs, events and the state of assets that runs leave are the work of agents and of user code: they
come by the thousand, and Dagster's own event log has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.errors import ForbiddenError

#: What the operation administers, by the argument that names it; ``None`` where none does.
ADMINISTERS: Final[Mapping[str, str | None]] = {
    "defsState.setLatestDefsStateVersion": "key",
    "eventLogs.DeleteConcurrencyLimit": "concurrency_key",
    "eventLogs.DeleteDynamicPartition": "partitions_def_name",
    "eventLogs.DeleteEvents": "run_id",
    "eventLogs.SetConcurrencySlots": "concurrency_key",
    "eventLogs.Wipe": None,
    "eventLogs.WipeAsset": "asset_key",
    "eventLogs.WipeAssetPartitions": "asset_key",
    "runs.mutateJobOrigin": "run_id",
    "schedules.addJobState": None,
    "schedules.updateJobState": None,
}


@contextmanager
def recorded(context: AgentContext, operation: str, given: Mapping[str, Any]) -> Iterator[None]:
    """Record an operation, if the trail has it."""
    caller = context.caller
    recorder, act = caller.control.recorder, f"agent.{operation}"
    try:
        if operation not in ADMINISTERS:
            yield
            return
        named = given.get(ADMINISTERS[operation] or "")
        with recorder.doing(
            caller.actor, act, caller.deployment_name, None if named is None else str(named)
        ):
            yield
    except ForbiddenError as error:
        recorder.refused(caller.actor, act, error, caller.deployment_name)
        raise
