"""The run queue as Dagster decides it: which runs wait, and for which limit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.dagster_run import RunOpConcurrency
from dagster._core.utils import make_new_run_id
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.engine.run_queue import read_queue, read_run
from dagstead.plane.reasons import ReasonCode
from dagstead.plane.run_queue import RunStatus, holding_steps, holds

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
)
ACTIVE = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)


def add(
    instance: DagsterInstance,
    status: DagsterRunStatus = DagsterRunStatus.QUEUED,
    *,
    tags: Mapping[str, str] | None = None,
    pools: Mapping[str, int] | None = None,
    is_free: bool = False,
) -> str:
    need = pools and RunOpConcurrency(
        root_key_counts=pools, all_pools=set(pools), has_unconstrained_root_nodes=is_free
    )
    run = DagsterRun(
        job_name="job",
        run_id=make_new_run_id(),
        status=status,
        tags=tags or {},
        run_op_concurrency=need or None,
        remote_job_origin=ORIGIN,
    )
    return instance.run_storage.add_run(run).run_id


def ephemeral(**runs: Any) -> DagsterInstance:
    pools = {"granularity": runs.pop("granularity", "op")}
    return DagsterInstance.ephemeral(
        settings={
            "run_coordinator": {
                "module": "dagster._core.run_coordinator",
                "class": "QueuedRunCoordinator",
                "config": {"block_op_concurrency_limited_runs": {"enabled": True}},
            },
            "concurrency": {"runs": runs, "pools": pools},
        }
    )


def next_of(instance: DagsterInstance) -> set[str]:
    """What open-source Dagster would start now."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    found = daemon._get_runs_to_dequeue(
        instance, instance.get_concurrency_config(), fixed_iteration_time=None
    )
    return {run.run_id for run in found}


def reason_of(instance: DagsterInstance, run_id: str) -> str:
    return str(holds(read_queue(instance, "prod", [run_id]))[run_id].reason)


def test_the_limit_of_a_deployment_names_who_holds_it() -> None:
    with ephemeral(max_concurrent_runs=1) as instance:
        under_way = add(instance, DagsterRunStatus.STARTED)
        waiting = add(instance)
        said = reason_of(instance, waiting)
    assert "deployment 'prod' is reached: 1 of 1, held by" in said
    assert under_way[:8] in said
    assert "raise max_concurrent_runs" in said


def test_the_limit_of_a_tag_says_which() -> None:
    limits = [{"key": "team", "limit": 1, "value": {"applyLimitPerUniqueValue": True}}]
    with ephemeral(tag_concurrency_limits=limits) as instance:
        holder = add(instance, DagsterRunStatus.STARTED, tags={"team": "red"})
        add(instance, DagsterRunStatus.STARTED, tags={"team": "blue"})
        said = reason_of(instance, add(instance, tags={"team": "red"}))
        free = add(instance, tags={"team": "green"})
        assert free not in holds(read_queue(instance, "prod", [free]))
    assert f"the tag 'team=red' is reached: 1 of 1, held by {holder[:8]}." in said


@pytest.mark.parametrize("granularity", ["op", "run"])
def test_a_pool_says_who_has_its_slots(granularity: str) -> None:
    with ephemeral(granularity=granularity) as instance:
        instance.event_log_storage.set_concurrency_slots("gpu", 1)
        holder = add(instance, DagsterRunStatus.STARTING, pools={"gpu": 1})
        waiting = add(instance, pools={"gpu": 1})
        hold = holds(read_queue(instance, "prod", [waiting]))[waiting]
    assert hold.code is ReasonCode.CONCURRENCY_POOL
    assert f"pool 'gpu' are taken: 1 of 1, held by {holder[:8]}." in str(hold.reason)


def test_a_step_of_a_run_under_way_may_wait_for_a_pool() -> None:
    with ephemeral() as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots("gpu", 1)
        holder = add(instance, DagsterRunStatus.STARTED, pools={"gpu": 1})
        waiting = add(instance, DagsterRunStatus.STARTED, pools={"gpu": 1})
        storage.claim_concurrency_slot("gpu", holder, "step")
        storage.claim_concurrency_slot("gpu", waiting, "step")
        queue = read_queue(instance, "prod", [waiting])
        runs = {run.run_id: run for run in queue.active}
        assert holding_steps(runs[holder], queue.limits) is None
        hold = holding_steps(runs[waiting], queue.limits)
    assert hold is not None
    assert hold.holders == [holder]


def test_a_run_is_read_with_its_status() -> None:
    with ephemeral() as instance:
        run_id = add(instance, tags={"dagster/priority": "3"})
        run = read_run(instance, run_id)
        assert run is not None
        assert (run.status, run.priority, run.location) == (RunStatus.QUEUED, 3, "weather")
        assert read_run(instance, make_new_run_id()) is None


_RUNS = st.lists(
    st.tuples(
        st.sampled_from(["", "red", "blue"]),
        st.sampled_from([{}, {"gpu": 1}, {"gpu": 1, "api": 2}]),
        st.booleans(),
        st.sampled_from(["0", "1", "x"]),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(
    active=_RUNS,
    queued=_RUNS,
    granularity=st.sampled_from(["op", "run"]),
    most=st.sampled_from([1, 3, 50, -1]),
    tag_limits=st.lists(
        st.sampled_from(
            [
                {"key": "team", "limit": 2},
                {"key": "team", "value": "red", "limit": 1},
                {"key": "team", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
            ]
        ),
        max_size=1,
    ),
)
def test_what_no_limit_holds_is_what_dagster_starts_next(
    active: list[Any], queued: list[Any], granularity: str, most: int, tag_limits: list[Any]
) -> None:
    with ephemeral(
        granularity=granularity, max_concurrent_runs=most, tag_concurrency_limits=tag_limits
    ) as instance:
        instance.event_log_storage.set_concurrency_slots("gpu", 2)
        statuses = itertools.cycle(ACTIVE)
        for (team, pools, is_free, _), status in zip(active, statuses, strict=False):
            add(instance, status, tags={"team": team} if team else {}, pools=pools, is_free=is_free)
        ids = [
            add(
                instance,
                tags={"dagster/priority": priority, **({"team": team} if team else {})},
                pools=pools,
                is_free=is_free,
            )
            for team, pools, is_free, priority in queued
        ]
        held = holds(read_queue(instance, "prod", ids))
        assert set(ids) - held.keys() == next_of(instance)
