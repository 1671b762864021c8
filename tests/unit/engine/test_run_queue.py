"""The run queue as Dagster decides it: which runs wait, and for which limit."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
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

from dagstead.engine.run_queue import read_queue, read_run
from dagstead.plane.reasons import ReasonCode
from dagstead.plane.run_queue import RunStatus, holding_steps, holds

Open = Callable[..., DagsterInstance]
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


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open an instance with limits of runs."""

    def instance(granularity: str = "op", **runs: Any) -> DagsterInstance:
        overrides = {
            "run_coordinator": {
                "module": "dagster._core.run_coordinator",
                "class": "QueuedRunCoordinator",
            },
            "concurrency": {"runs": runs, "pools": {"granularity": granularity}},
            "telemetry": {"enabled": False},
        }
        return DagsterInstance.local_temp(str(tmp_path), overrides=overrides)

    return instance


def next_of(instance: DagsterInstance) -> set[str]:
    """What open-source Dagster would start now."""
    daemon = QueuedRunCoordinatorDaemon(interval_seconds=1)
    found = daemon._get_runs_to_dequeue(
        instance, instance.get_concurrency_config(), fixed_iteration_time=None
    )
    return {run.run_id for run in found}


def reason_of(instance: DagsterInstance, run_id: str) -> str:
    return str(holds(read_queue(instance, "prod", [run_id]))[run_id].reason)


def test_the_limit_of_a_deployment_names_who_holds_it(opened: Open) -> None:
    with opened(max_concurrent_runs=1) as instance:
        under_way = add(instance, DagsterRunStatus.STARTED)
        waiting = add(instance)
        said = reason_of(instance, waiting)
    assert "deployment 'prod' is reached: 1 of 1, held by" in said
    assert under_way[:8] in said
    assert "raise max_concurrent_runs" in said


def test_the_limit_of_a_tag_says_which(opened: Open) -> None:
    limits = [{"key": "team", "limit": 1, "value": {"applyLimitPerUniqueValue": True}}]
    with opened(tag_concurrency_limits=limits) as instance:
        holder = add(instance, DagsterRunStatus.STARTED, tags={"team": "red"})
        add(instance, DagsterRunStatus.STARTED, tags={"team": "blue"})
        said = reason_of(instance, add(instance, tags={"team": "red"}))
        free = add(instance, tags={"team": "green"})
        assert free not in holds(read_queue(instance, "prod", [free]))
    assert (
        f"the tag 'team=red' in deployment 'prod' is reached: 1 of 1, held by {holder[:8]}." in said
    )


@pytest.mark.parametrize("granularity", ["op", "run"])
def test_a_pool_says_who_has_its_slots(opened: Open, granularity: str) -> None:
    with opened(granularity=granularity) as instance:
        instance.event_log_storage.set_concurrency_slots("gpu", 1)
        holder = add(instance, DagsterRunStatus.STARTING, pools={"gpu": 1})
        waiting = add(instance, pools={"gpu": 1})
        hold = holds(read_queue(instance, "prod", [waiting]))[waiting]
    assert hold.code is ReasonCode.CONCURRENCY_POOL
    assert f"pool 'gpu' are taken: 1 of 1, held by {holder[:8]}." in str(hold.reason)


def test_a_step_of_a_run_under_way_may_wait_for_a_pool(opened: Open) -> None:
    with opened() as instance:
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


def test_a_run_is_read_with_its_status(opened: Open) -> None:
    with opened() as instance:
        run_id = add(instance, tags={"dagster/priority": "3"})
        run = read_run(instance, run_id)
        assert run is not None
        assert (run.status, run.priority, run.location) == (RunStatus.QUEUED, 3, "weather")
        assert read_run(instance, make_new_run_id()) is None


LIMITS: Sequence[Mapping[str, Any]] = (
    {"key": "team", "limit": 2},
    {"key": "team", "value": "red", "limit": 1},
    {"key": "team", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
)
POOLS: Sequence[Mapping[str, int]] = ({}, {"gpu": 1}, {"gpu": 1, "api": 2})


@pytest.mark.parametrize("granularity", ["op", "run"])
@pytest.mark.parametrize(("most", "limit"), [(-1, LIMITS[0]), (4, LIMITS[1]), (9, LIMITS[2])])
def test_what_no_limit_holds_is_what_dagster_starts_next(
    opened: Open, granularity: str, most: int, limit: Mapping[str, Any]
) -> None:
    chosen = random.Random(most)
    with opened(granularity, max_concurrent_runs=most, tag_concurrency_limits=[limit]) as instance:
        instance.event_log_storage.set_concurrency_slots("gpu", 1)
        held_by: set[ReasonCode] = set()
        for _ in range(15):
            instance.run_storage.wipe()
            for _ in range(chosen.randrange(4)):
                _random_run(instance, chosen, chosen.choice(ACTIVE))
            ids = [
                _random_run(instance, chosen, DagsterRunStatus.QUEUED)
                for _ in range(chosen.randrange(7))
            ]
            held = holds(read_queue(instance, "prod", ids))
            held_by |= {hold.code for hold in held.values()}
            assert set(ids) - held.keys() == next_of(instance)
    assert {ReasonCode.TAG_LIMIT, ReasonCode.CONCURRENCY_POOL} <= held_by


def _random_run(instance: DagsterInstance, chosen: random.Random, status: DagsterRunStatus) -> str:
    tags = {"dagster/priority": chosen.choice(["0", "1", "x"])}
    team = chosen.choice(["", "red", "blue"])
    return add(
        instance,
        status,
        tags={**tags, "team": team} if team else tags,
        pools=chosen.choice(POOLS),
        is_free=chosen.random() < 0.3,
    )
