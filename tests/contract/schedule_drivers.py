"""How each method of ``ScheduleStorage`` is driven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    TickData,
    TickStatus,
)
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.drivers import (
    BY_CLIENT,
    CLIENT_REFUSES,
    Change,
    Driver,
    Read,
    arguments,
    optional,
    some_of,
)
from tests.contract.world import World, instigator_state, tick_data

_moments = st.integers(1_699_999_990, 1_700_000_300).map(float)


def _instigators(world: World) -> SearchStrategy[dict[str, Any]]:
    """The two ids of a schedule or sensor, known or not."""
    known = [(each.instigator_origin_id, each.selector_id) for each in world.states]
    return st.sampled_from([*known, ("no such origin", "no such selector")]).map(
        lambda ids: {"origin_id": ids[0], "selector_id": ids[1]}
    )


def _states(names: SearchStrategy[str]) -> SearchStrategy[InstigatorState]:
    return st.builds(
        instigator_state,
        names,
        st.sampled_from([InstigatorType.SCHEDULE, InstigatorType.SENSOR]),
        st.sampled_from([InstigatorStatus.RUNNING, InstigatorStatus.STOPPED]),
    )


def _tick_data(world: World) -> SearchStrategy[TickData]:
    return st.builds(
        tick_data, st.sampled_from(world.states), st.sampled_from(TickStatus), _moments
    )


def _ticks(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    assert instance.schedule_storage is not None
    data = given["tick_data"] if "tick_data" in given else given["tick"].tick_data
    ticks = instance.schedule_storage.get_ticks(data.instigator_origin_id, data.selector_id)
    # Storage gives those of the same moment in any order.
    return sorted(ticks, key=lambda each: each.tick_id)


def _view_state(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    assert instance.schedule_storage is not None
    state = given["state"]
    return instance.schedule_storage.get_instigator_state(
        state.instigator_origin_id, state.selector_id
    )


SCHEDULE_DRIVERS: Mapping[str, Driver] = {
    "add_auto_materialize_asset_evaluations": CLIENT_REFUSES,
    "add_instigator_state": Change(
        arguments=lambda _: arguments(state=_states(st.text("abc", min_size=1, max_size=4))),
        view=_view_state,
        normal=lambda _: None,
    ),
    "alembic_version": BY_CLIENT,
    "all_instigator_state": Read(
        arguments=lambda world: arguments(
            repository_origin_id=optional(
                st.sampled_from([each.repository_origin_id for each in world.states])
            ),
            repository_selector_id=optional(
                st.sampled_from([each.repository_selector_id for each in world.states])
            ),
            instigator_type=optional(st.sampled_from(InstigatorType)),
            instigator_statuses=optional(some_of(InstigatorStatus).map(set)),
        ),
        normal=list,
    ),
    "create_tick": Change(
        arguments=lambda world: arguments(tick_data=_tick_data(world)),
        view=_ticks,
    ),
    "delete_instigator_state": CLIENT_REFUSES,
    "dispose": BY_CLIENT,
    "get_auto_materialize_asset_evaluations": CLIENT_REFUSES,
    "get_auto_materialize_evaluations_for_evaluation_id": CLIENT_REFUSES,
    "get_batch_ticks": BY_CLIENT,
    "get_instigator_state": Read(arguments=_instigators),
    "get_tick": CLIENT_REFUSES,
    "get_tick_summaries": CLIENT_REFUSES,
    "get_ticks": Read(
        arguments=lambda world: st.builds(
            lambda ids, rest: {**ids, **rest},
            _instigators(world),
            arguments(
                before=optional(_moments),
                after=optional(_moments),
                limit=optional(st.integers(1, 3)),
                statuses=optional(some_of(TickStatus)),
            ),
        ),
        normal=list,
    ),
    "get_ticks_by_ids": CLIENT_REFUSES,
    "has_instance": BY_CLIENT,
    "migrate": BY_CLIENT,
    "optimize": BY_CLIENT,
    "optimize_for_webserver": BY_CLIENT,
    "purge_asset_evaluations": CLIENT_REFUSES,
    "purge_ticks": CLIENT_REFUSES,
    "register_instance": BY_CLIENT,
    "supports_auto_materialize_asset_evaluations": BY_CLIENT,
    "supports_batch_queries": BY_CLIENT,
    "update_instigator_state": Change(
        arguments=lambda _: arguments(
            state=_states(st.sampled_from(["nightly", "watchful", "no such name"]))
        ),
        view=_view_state,
        normal=lambda _: None,
    ),
    "update_tick": Change(
        arguments=lambda world: arguments(
            tick=st.builds(
                InstigatorTick,
                st.sampled_from([each.tick_id for each in world.ticks]),
                _tick_data(world),
            )
        ),
        view=_ticks,
    ),
    "upgrade": CLIENT_REFUSES,
    "wipe": CLIENT_REFUSES,
}
