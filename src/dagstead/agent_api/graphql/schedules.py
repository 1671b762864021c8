"""``schedules { ... }``: the states and ticks of schedules and sensors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from dagster import DagsterInstance, DagsterInvariantViolationError
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    TickData,
    TickStatus,
)
from dagster._core.storage.schedules.base import ScheduleStorage
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from pydantic import FiniteFloat

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.graphql.executor import OK, Namespace
from dagstead.agent_api.graphql.inputs import BigInt, Limit, moment
from dagstead.agent_api.serialization import pack, pack_optional, unpack
from dagstead.errors import NotFoundError


def schedules() -> Namespace:
    """The fields of ``schedules``."""
    return Namespace(
        "Schedules",
        {
            "jobStates": job_states,
            "jobState": job_state,
            "addJobState": add_job_state,
            "updateJobState": update_job_state,
            "jobTicks": job_ticks,
            "createJobTick": create_job_tick,
            "updateJobTick": update_job_tick,
        },
    )


def job_states(
    context: AgentContext,
    *,
    repository_origin_id: str | None = None,
    repository_selector_id: str | None = None,
    job_type: InstigatorType | None = None,
    statuses: list[InstigatorStatus] | None = None,
) -> list[str]:
    """The states of the schedules and sensors that match a filter."""
    states = _storage(context).all_instigator_state(
        repository_origin_id=repository_origin_id,
        repository_selector_id=repository_selector_id,
        instigator_type=job_type,
        instigator_statuses=set(statuses) if statuses else None,
    )
    return [pack(state) for state in states]


def job_state(context: AgentContext, *, job_origin_id: str, selector_id: str) -> str | None:
    """The state of a schedule or sensor; None if it was never turned on or off."""
    return pack_optional(_storage(context).get_instigator_state(job_origin_id, selector_id))


def add_job_state(context: AgentContext, *, serialized_job_state: str) -> dict[str, bool]:
    """Store the first state of a schedule or sensor."""
    state = unpack(serialized_job_state, InstigatorState)
    _storage_for(context, state).add_instigator_state(state)
    return OK


def update_job_state(context: AgentContext, *, serialized_job_state: str) -> dict[str, bool]:
    """Replace the state of a schedule or sensor."""
    state = unpack(serialized_job_state, InstigatorState)
    _storage_for(context, state).update_instigator_state(state)
    return OK


def job_ticks(  # noqa: PLR0913 the arguments of the wire
    context: AgentContext,
    *,
    job_origin_id: str,
    selector_id: str,
    before: FiniteFloat | None = None,
    after: FiniteFloat | None = None,
    limit: Limit | None = None,
    statuses: list[TickStatus] | None = None,
) -> list[str]:
    """The ticks of a schedule or sensor, newest first."""
    for time in (before, after):
        if time is not None:
            moment(time)
    ticks = _storage(context).get_ticks(
        job_origin_id, selector_id, before=before, after=after, limit=limit, statuses=statuses
    )
    return [pack(tick) for tick in ticks]


def create_job_tick(context: AgentContext, *, serialized_job_tick_data: str) -> dict[str, int]:
    """Store a tick that begins."""
    data = unpack(serialized_job_tick_data, TickData)
    tick = _storage_for_tick(context, data).create_tick(data)
    return {"tickId": tick.tick_id}


def update_job_tick(
    context: AgentContext, *, tick_id: BigInt, serialized_job_tick_data: str
) -> dict[str, bool]:
    """Store the outcome of a tick."""
    data = unpack(serialized_job_tick_data, TickData)
    storage = _storage(context)
    if isinstance(storage, SqlScheduleStorage):
        # The id alone says which tick is replaced.
        with suppress(DagsterInvariantViolationError):
            _storage_for_tick(context, storage.get_tick(tick_id).tick_data)
    _storage_for_tick(context, data).update_tick(InstigatorTick(tick_id, data))
    return OK


def _storage_for(context: AgentContext, state: InstigatorState) -> ScheduleStorage[Any]:
    """The storage, to write the state of a schedule or sensor."""
    origin = state.origin.repository_origin.code_location_origin
    return _of(context.instance_for_locations(origin.location_name))


def _storage_for_tick(context: AgentContext, data: TickData) -> ScheduleStorage[Any]:
    """The storage, to write a tick, which says only by its state of which location it is."""
    state = _storage(context).get_instigator_state(
        data.instigator_origin_id, data.selector_id or data.instigator_origin_id
    )
    if state is None:
        what = "A tick of a schedule or sensor that was never turned on"
        return _of(context.instance_for_all(what))
    return _storage_for(context, state)


def _storage(context: AgentContext) -> ScheduleStorage[Any]:
    return _of(context.instance)


def _of(instance: DagsterInstance) -> ScheduleStorage[Any]:
    storage = instance.schedule_storage
    if storage is None:
        raise NotFoundError("This deployment has no storage for schedules and sensors.")
    return storage
