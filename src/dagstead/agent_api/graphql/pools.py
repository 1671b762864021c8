"""``eventLogs { ... }``: concurrency limits and their slots."""

from __future__ import annotations

from typing import Annotated, Any

from dagster._core.errors import DagsterInvalidInvocationError
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._utils.concurrency import ConcurrencyClaimStatus
from pydantic import Field

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import SUCCESS, Resolver, failure
from dagstead.agent_api.serialization import optional_seconds, seconds

#: The numbers that the databases' columns take.
_Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]


def pool_fields() -> dict[str, Resolver]:
    """The fields of ``eventLogs`` that are about concurrency."""
    return {
        "getPoolConfig": get_pool_config,
        "getPoolLimits": get_pool_limits,
        "getConcurrencyKeys": get_concurrency_keys,
        "getConcurrencyInfo": get_concurrency_info,
        "SetConcurrencySlots": set_concurrency_slots,
        "InitializeConcurrencyLimit": initialize_concurrency_limit,
        "DeleteConcurrencyLimit": delete_concurrency_limit,
        "ClaimConcurrencySlot": claim_concurrency_slot,
        "getCheckConcurrencyClaim": get_check_concurrency_claim,
        "FreeConcurrencySlotsForRun": free_concurrency_slots_for_run,
        "FreeConcurrencySlotForStep": free_concurrency_slot_for_step,
    }


def get_pool_config(context: AgentContext) -> dict[str, Any]:
    """What the deployment's settings say about pools."""
    config = _storage(context).get_pool_config()
    granularity = config.pool_granularity
    return {
        "poolGranularity": None if granularity is None else granularity.value,
        "defaultPoolLimit": config.default_pool_limit,
        "opGranularityRunBuffer": config.op_granularity_run_buffer,
    }


def get_pool_limits(context: AgentContext) -> list[dict[str, Any]]:
    """The limits of the pools that have one."""
    return [
        {"name": pool.name, "limit": pool.limit, "fromDefault": pool.from_default}
        for pool in _storage(context).get_pool_limits()
    ]


def get_concurrency_keys(context: AgentContext) -> list[str]:
    """The keys that have slots."""
    return sorted(_storage(context).get_concurrency_keys())


def get_concurrency_info(context: AgentContext, *, concurrency_key: str) -> dict[str, Any]:
    """Who holds the slots of a key, and who waits for them."""
    info = _storage(context).get_concurrency_info(concurrency_key)
    return {
        "concurrencyKey": info.concurrency_key,
        "slotCount": info.slot_count,
        "claimedSlots": [
            {"runId": slot.run_id, "stepKey": slot.step_key} for slot in info.claimed_slots
        ],
        "pendingSteps": [
            {
                "runId": step.run_id,
                "stepKey": step.step_key,
                "enqueuedTimestamp": seconds(step.enqueued_timestamp),
                "assignedTimestamp": optional_seconds(step.assigned_timestamp),
                "priority": step.priority,
            }
            for step in info.pending_steps
        ],
        "limit": info.limit,
        "usingDefaultLimit": info.using_default_limit,
    }


def set_concurrency_slots(
    context: AgentContext, *, concurrency_key: str, num: int
) -> dict[str, Any]:
    """Set how many slots a key has."""
    try:
        _storage(context).set_concurrency_slots(concurrency_key, num)
    except DagsterInvalidInvocationError as error:
        return failure(error)
    return SUCCESS


def initialize_concurrency_limit(context: AgentContext, *, concurrency_key: str) -> dict[str, Any]:
    """Give a key the deployment's default limit, if there is one."""
    storage = _storage(context)
    try:
        done = storage.initialize_concurrency_limit_to_default(concurrency_key)
    except DagsterInvalidInvocationError as error:
        return failure(error)
    except Exception:
        if not _follows_default(storage, concurrency_key):
            raise
        done = True
    return {"success": done, "error": None}


def delete_concurrency_limit(context: AgentContext, *, concurrency_key: str) -> dict[str, Any]:
    """Take the limit from a key."""
    try:
        _storage(context).delete_concurrency_limit(concurrency_key)
    except DagsterInvalidInvocationError as error:
        return failure(error)
    return SUCCESS


def claim_concurrency_slot(
    context: AgentContext,
    *,
    concurrency_key: str,
    run_id: str,
    step_key: str,
    priority: _Number = 0,
) -> dict[str, Any]:
    """Take a slot for a step, or a place in the queue for one."""
    storage = context.instance_for_runs(run_id).event_log_storage
    status = storage.claim_concurrency_slot(concurrency_key, run_id, step_key, priority)
    return {"status": _claim_answer(status)}


def get_check_concurrency_claim(
    context: AgentContext, *, concurrency_key: str, run_id: str, step_key: str
) -> dict[str, Any]:
    """Whether a step has got its slot."""
    status = _storage(context).check_concurrency_claim(concurrency_key, run_id, step_key)
    return _claim_answer(status)


def free_concurrency_slots_for_run(context: AgentContext, *, run_id: str) -> dict[str, Any]:
    """Give back all slots of a run."""
    context.instance_for_runs(run_id).event_log_storage.free_concurrency_slots_for_run(run_id)
    return SUCCESS


def free_concurrency_slot_for_step(
    context: AgentContext, *, run_id: str, step_key: str
) -> dict[str, Any]:
    """Give back the slot of a step."""
    storage = context.instance_for_runs(run_id).event_log_storage
    storage.free_concurrency_slot_for_step(run_id, step_key)
    return SUCCESS


def _storage(context: AgentContext) -> EventLogStorage[Any]:
    return context.instance.event_log_storage


def _follows_default(storage: EventLogStorage[Any], key: str) -> bool:
    """Whether the key has a limit. If no step holds a slot, it is set to the default first.

    On Postgres, open-source storage fails to give a key the default if the key has a limit: when
    two runs reach a new pool at once, and when the default was changed. A pool that is in use keeps
    its limit: its steps ask again with every claim, and a new limit must not be added to slots that
    are held.
    """
    limits = {pool.name: pool.limit for pool in storage.get_pool_limits()}
    if key not in limits:
        return False
    default = storage.get_pool_config().default_pool_limit
    if limits[key] != default and not storage.get_concurrency_info(key).claimed_slots:
        storage.delete_concurrency_limit(key)
        storage.initialize_concurrency_limit_to_default(key)
    return True


def _claim_answer(status: ConcurrencyClaimStatus) -> dict[str, Any]:
    return {
        "slotStatus": status.slot_status.value,
        "priority": status.priority,
        "assignedTimestamp": optional_seconds(status.assigned_timestamp),
        "enqueuedTimestamp": optional_seconds(status.enqueued_timestamp),
    }
